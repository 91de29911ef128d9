// Package cmdline is what the command lines of the programs have in common.
package cmdline

import (
	"os"
	"slices"

	"github.com/alecthomas/kong"
)

// IgnoreEmptyVariables makes a variable of the environment that is set and empty say as little as one that is not set.
func IgnoreEmptyVariables() kong.Option {
	return kong.PostBuild(func(k *kong.Kong) error {
		return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
			if flag, ok := node.(*kong.Flag); ok {
				flag.Tag.Envs = slices.DeleteFunc(slices.Clone(flag.Envs), func(name string) bool { return os.Getenv(name) == "" })
			}
			return next(nil)
		})
	})
}
