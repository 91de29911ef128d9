package cmdline

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"lifeline/internal/text"
)

// wrongSetting is the error of a value in a configuration file whose type its flag does not take.
type wrongSetting struct{ message string }

func (w *wrongSetting) Error() string { return w.message }

// check fails with a wrongSetting if a flag does not take a value of the file: it names the line, the flag, what it
// takes, and the value.
func (s settings) check(flag *kong.Flag, given any) error {
	wanted, example, fits := takes(flag, given)
	if fits {
		return nil
	}
	place := s.file
	if line := s.lines[flag.Name]; line > 0 {
		place += fmt.Sprintf(", line %d", line)
	}
	return &wrongSetting{fmt.Sprintf("%s: %s must be %s, as in %s: %s, and the file has %s", place, flag.Name, wanted,
		flag.Name, example, givenWords(flag, given))}
}

// takes returns what a flag takes, an example, and whether it takes the given value. The form of a text is not checked.
func takes(flag *kong.Flag, given any) (wanted, example string, fits bool) {
	kind := flag.Target.Type()
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	_, isText := given.(string)
	word := fmt.Sprintf("%q", cmp.Or(flag.Default, flag.PlaceHolder, strings.ToUpper(flag.Name)))
	if kind == reflect.TypeFor[time.Duration]() {
		number := reflect.ValueOf(given)
		hasUnit := !number.CanInt() && !number.CanUint() && !number.CanFloat() || number.IsZero()
		return "a duration with its unit", cmp.Or(flag.Default, "10m"), hasUnit && decodes(flag, given)
	}
	switch kind.Kind() {
	case reflect.Bool:
		return "true or false", "true", decodes(flag, given)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if kind.Implements(reflect.TypeFor[fmt.Stringer]()) { // a level, by its name
			return "text", word, isText
		}
		part, isFloat := given.(float64)
		return "a whole number", cmp.Or(flag.Default, "10"), (!isFloat || part == math.Trunc(part)) && decodes(flag, given)
	case reflect.Float32, reflect.Float64:
		return "a number", cmp.Or(flag.Default, "0.5"), decodes(flag, given)
	case reflect.Slice:
		return "a list of texts", "[" + word + "]", isText || allText(given)
	case reflect.Map:
		_, isMap := given.(map[string]any)
		return "names with values", "{name: value}", (isText || isMap) && decodes(flag, given)
	}
	return "text", word, isText
}

// decodes reports whether the flag's own mapper reads the value.
func decodes(flag *kong.Flag, given any) bool {
	scan := kong.Scan().PushTyped(given, kong.FlagValueToken)
	return flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan},
		reflect.New(flag.Target.Type()).Elem()) == nil
}

func allText(given any) bool {
	list, ok := given.([]any)
	for _, one := range list {
		_, isText := one.(string)
		ok = ok && isText
	}
	return ok
}

// givenWords describes a value of a configuration file. It shows no part of a token.
func givenWords(flag *kong.Flag, given any) string {
	switch v := given.(type) {
	case []any:
		for _, one := range v {
			if _, isText := one.(string); !isText && flag.Target.Kind() == reflect.Slice {
				return "a list with " + givenWords(flag, one)
			}
		}
		return "a list"
	case map[string]any:
		return "names with values"
	case nil:
		return "nothing"
	case string:
		return text.Redact(fmt.Sprintf("%q", v))
	case bool:
		return fmt.Sprint(v)
	}
	if flag.Name == "token" {
		return "a number: put it in quotes"
	}
	number := fmt.Sprint(given)
	if _, _, fits := takes(flag, number); fits {
		return fmt.Sprintf("the number %s: as text, it is written %q", number, number)
	}
	return "the number " + number
}
