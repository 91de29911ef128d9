package httpapi

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"lifeline/internal/fault"
	"lifeline/internal/openapi"
	"lifeline/internal/shape"
	"lifeline/internal/text"
	"lifeline/schedules"
)

// decodeStrict reads JSON into the struct that v points to. It reports every unknown field and every value of a wrong
// type at once, by path.
func decodeStrict(b []byte, v any) error {
	if err := text.Encoded(b); err != nil { // the decoder would accept it, with replacement characters
		return fault.Wrap(fault.Invalid, err, "the body %v", err)
	}
	if err := shape.JSON(b); err != nil {
		return fault.New(fault.Invalid, "%v", err)
	}
	if !json.Valid(b) {
		d := json.NewDecoder(bytes.NewReader(b))
		if err := d.Decode(&json.RawMessage{}); err != nil {
			return fault.Wrap(fault.Invalid, err, "the body is not valid JSON: %s", jsonFault(err))
		}
		return fault.New(fault.Invalid, "the body has more than one JSON value")
	}
	var s strict
	s.fill(reflect.ValueOf(v).Elem(), bytes.TrimSpace(b), "", plainTexts)
	return fault.FieldsAnd(s.more, s.fields...)
}

// mergeStrict applies a JSON merge patch (RFC 7396) to the struct that v points to: absent members stay, null empties.
func mergeStrict(patch []byte, v any) error {
	if !utf8.Valid(patch) || shape.JSON(patch) != nil || !json.Valid(patch) {
		return decodeStrict(patch, v) // it reports the error
	}
	if len(shape.Split(patch)) > schedules.MaxList {
		return decodeStrict(patch, v) // likewise
	}
	changes, twice := members(patch)
	if changes == nil {
		return fault.Fields(fault.Field{Field: "body", Message: "must be an object"})
	}
	if len(twice) > 0 {
		return decodeStrict(patch, v) // it reports the error
	}
	s := reflect.ValueOf(v).Elem()
	for i := range s.NumField() {
		name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("json"), ",")
		if string(changes[name]) == "null" {
			s.Field(i).SetZero()
			delete(changes, name)
		}
	}
	rest, err := json.Marshal(changes)
	if err != nil {
		return err
	}
	return decodeStrict(rest, v)
}

// joinFindings joins the findings of several checks of one input. A failure that is not about fields is returned alone.
// A later check's problem with a field that an earlier check could not read is left out.
func joinFindings(looks ...error) error {
	var out []fault.Field
	more := 0
	for _, err := range looks {
		more += fault.MoreOf(err)
		fields := fault.FieldsOf(err)
		if err != nil && len(fields) == 0 {
			return err
		}
		before := len(out)
		for _, f := range fields {
			if !slices.ContainsFunc(out[:before], func(known fault.Field) bool { return related(known.Field, f.Field) }) {
				out = append(out, f)
			}
		}
	}
	return fault.FieldsAnd(more, out...)
}

// related reports whether one of two fields contains the other.
func related(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	rest, ok := strings.CutPrefix(b, a)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// unreadable reports whether err keeps a body from further checks: it is not about single fields.
func unreadable(err error) bool { return err != nil && len(fault.FieldsOf(err)) == 0 }

func jsonFault(err error) string {
	if err == io.EOF {
		return "it is empty"
	}
	if err == io.ErrUnexpectedEOF {
		return "it ends in the middle"
	}
	return err.Error()
}

// strict collects the problems while it fills a value.
type strict struct {
	fields []fault.Field
	more   int // further problems
}

func (s *strict) wrong(path, format string, args ...any) {
	if len(s.fields) == fault.MaxFields {
		s.more++
		return
	}
	if path == "" {
		path = "body"
	}
	s.fields = append(s.fields, fault.Field{Field: path, Message: fmt.Sprintf(format, args...)})
}

func (s *strict) fill(v reflect.Value, raw json.RawMessage, path string, texts textRule) {
	if string(raw) == "null" {
		if v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice || v.Kind() == reflect.Map ||
			v.Kind() == reflect.Struct && decodesItself(v) {
			return
		}
		s.wrong(path, "must not be null")
		return
	}
	if decodesItself(v) {
		if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
			s.wrong(path, "%s", ownWords(err, v.Type()))
		} else if of, counted := v.Addr().Interface().(*schedules.Of); counted {
			if err := texts.of(of); err != nil {
				s.wrong(path, "%v", err)
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer: // a new one: the old target may be shared
		v.Set(reflect.New(v.Type().Elem()))
		s.fill(v.Elem(), raw, path, texts)
	case reflect.Struct:
		s.object(v, raw, path)
	case reflect.Slice:
		s.list(v, raw, path, texts)
	case reflect.Map:
		if err := texts.fits(len(shape.Split(raw))); err != nil {
			s.wrong(path, "%v", err)
			return
		}
		fallthrough
	default:
		if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
			s.wrong(path, "%s", ownWords(err, v.Type()))
			return
		}
		switch v.Kind() {
		case reflect.String:
			v.SetString(s.text(v.String(), path, texts))
		case reflect.Map:
			_, twice := members(raw)
			s.twice(path, twice)
			s.named(v, path, texts)
		}
	}
}

// text returns a text in the form in which texts are stored.
func (s *strict) text(given, path string, texts textRule) string {
	kept, err := texts.apply(given)
	if err != nil {
		s.wrong(path, "%v", err)
	}
	return kept
}

// named brings the keys and texts of a map into the stored form.
func (s *strict) named(v reflect.Value, path string, texts textRule) {
	given, ok := v.Interface().(map[string]string)
	if !ok {
		return
	}
	kept := make(map[string]string, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		at := fmt.Sprintf("%s[%q]", path, name)
		key := s.text(name, at, textRule{form: texts.keys, most: schedules.MaxLine})
		if _, twice := kept[key]; twice {
			s.wrong(at, "is there twice")
		}
		kept[key] = s.text(given[name], at, texts)
	}
	v.Set(reflect.ValueOf(kept))
}

// members returns the members of an object of valid JSON, and the names that it has more than once; nil if it is no
// object.
func members(raw []byte) (values map[string]json.RawMessage, twice []string) {
	list := shape.Split(raw)
	if list == nil || len(list) > 0 && list[0].Name == nil || bytes.TrimSpace(raw)[0] != '{' {
		return nil, nil
	}
	values = make(map[string]json.RawMessage, len(list))
	for _, m := range list {
		var name string
		if json.Unmarshal(m.Name, &name) != nil {
			return nil, nil
		}
		if _, known := values[name]; known && len(twice) < fault.MaxFields && !slices.Contains(twice, name) {
			twice = append(twice, name)
		}
		values[name] = m.Value
	}
	return values, twice
}

// twice reports the names that an object has more than once.
func (s *strict) twice(path string, names []string) {
	for _, name := range names {
		s.wrong(strings.TrimPrefix(path+"."+name, "."), "is there twice: one of the two would be left out")
	}
}

func (s *strict) object(v reflect.Value, raw json.RawMessage, path string) {
	if err := plainTexts.fits(len(shape.Split(raw))); err != nil && raw[0] == '{' {
		s.wrong(path, "%v", err)
		return
	}
	values, twice := members(raw)
	if values == nil {
		s.wrong(path, "must be an object")
		return
	}
	s.twice(path, twice)
	fields := map[string]openapi.JSONField{}
	for _, f := range openapi.Fields(v.Type()) {
		fields[f.Name] = f
		list := v.FieldByIndex(f.Go.Index)
		if !f.Omitted && list.Kind() == reflect.Slice && list.IsNil() && list.Type() != reflect.TypeFor[json.RawMessage]() {
			list.Set(reflect.MakeSlice(list.Type(), 0, 0)) // an absent list is stored as an empty one
		}
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at := strings.TrimPrefix(path+"."+name, ".")
		if f, ok := fields[name]; ok {
			s.fill(v.FieldByIndex(f.Go.Index), values[name], at, textsOf(v.Type(), f))
		} else {
			s.wrong(at, "is not a field known here%s", schedules.Suggest(name, maps.Keys(fields)))
		}
	}
}

func (s *strict) list(v reflect.Value, raw json.RawMessage, path string, texts textRule) {
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		v.SetBytes(raw)
		return
	}
	if v.Type() == reflect.TypeFor[[]byte]() {
		if json.Unmarshal(raw, v.Addr().Interface()) != nil || raw[0] != '"' {
			s.wrong(path, "must be bytes in base64")
		}
		return
	}
	if raw[0] != '[' {
		s.wrong(path, "must be a list")
		return
	}
	values := shape.Split(raw)
	if err := texts.fits(len(values)); err != nil {
		s.wrong(path, "%v", err)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(values), len(values)))
	for i, entry := range values {
		value := json.RawMessage(entry.Value)
		if at := fmt.Sprintf("%s[%d]", path, i); string(value) == "null" && v.Type().Elem().Kind() != reflect.Pointer {
			s.wrong(at, "must not be null") // a null member is allowed and means absent
		} else {
			s.fill(v.Index(i), value, at, texts)
		}
	}
}

// decodesItself reports whether a type has its own JSON decoder.
func decodesItself(v reflect.Value) bool {
	if !v.CanAddr() || v.Kind() == reflect.Pointer {
		return false
	}
	switch v.Addr().Interface().(type) {
	case json.Unmarshaler, encoding.TextUnmarshaler:
		return v.Type() != reflect.TypeFor[json.RawMessage]()
	}
	return false
}

// ownWords returns what a value must be.
func ownWords(err error, t reflect.Type) string {
	if _, mistyped := err.(*json.UnmarshalTypeError); !mistyped {
		return err.Error()
	}
	switch t.Kind() {
	case reflect.String:
		return "must be a string"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Float32, reflect.Float64:
		return "must be a number"
	case reflect.Map:
		return "must be an object"
	}
	return "must be a whole number"
}
