// Package cmdline contains the parts that the command lines of the programs share.
package cmdline

import (
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// IgnoreEmptyVariables makes an environment variable that is set and empty equivalent to one that is not set. The help
// names the variable in any case.
func IgnoreEmptyVariables() kong.Option {
	return kong.PostBuild(func(k *kong.Kong) error {
		return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
			if flag, ok := node.(*kong.Flag); ok {
				named := flag.Envs
				flag.Tag.Envs = slices.DeleteFunc(slices.Clone(named), func(name string) bool { return os.Getenv(name) == "" })
				if len(named) > 0 && len(flag.Tag.Envs) == 0 {
					flag.Help = strings.TrimSuffix(flag.Help, ".") + " ($" + strings.Join(named, ", $") + ")."
				}
			}
			return next(nil)
		})
	})
}
