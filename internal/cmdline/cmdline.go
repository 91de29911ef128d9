// Package cmdline is what the command lines of the programs have in common.
package cmdline

import (
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// IgnoreEmptyVariables makes a variable of the environment that is set and empty say as little as one that is not set.
// The help names it all the same.
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
