// Options as the fields of a verifier: read from JSON with one clear error, and described by a JSON Schema.

package gavel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// option is one field of a verifier, as its tags say.
type option struct {
	name     string
	index    int
	kind     reflect.Kind
	fallback *json.RawMessage
	min, max *float64
	choices  []string
	help     string
}

func optionsOf(verifier reflect.Type) []option {
	if verifier.Kind() != reflect.Struct {
		return nil
	}
	var options []option
	for index := range verifier.NumField() {
		field := verifier.Field(index)
		if !field.IsExported() {
			continue
		}
		tags := tagsOf(field)
		if tags["json"] == "-" {
			continue
		}
		name, _, _ := strings.Cut(tags["json"], ",")
		if name == "" {
			name = field.Name
		}
		one := option{name: name, index: index, kind: field.Type.Kind(), help: tags["help"]}
		one.min, one.max = one.bound(tags, "min"), one.bound(tags, "max")
		if choices, given := tags["enum"]; given {
			if one.kind != reflect.String {
				misdeclare("the tag `enum` of the option `%s` limits texts, and its field is none", name)
			}
			one.choices = strings.Split(choices, ",")
		}
		if fallback, given := tags["default"]; given {
			text := json.RawMessage(fallback)
			if one.kind == reflect.String {
				text = marshal(fallback)
			}
			one.fallback = &text
		}
		one.checkDefault(field.Type)
		options = append(options, one)
	}
	return options
}

// misdeclared is a panic that says what is wrong with the fields of a verifier. A plugin that cannot describe itself could
// not say it, so it describes itself without options, and every submission is told.
type misdeclared string

func misdeclare(format string, arguments ...any) {
	panic(misdeclared(fmt.Sprintf(format, arguments...)))
}

func (o option) checkDefault(kind reflect.Type) {
	o.jsonType()
	if o.fallback == nil {
		return
	}
	if err := o.read(*o.fallback, reflect.New(kind).Elem()); err != nil {
		misdeclare("the tag `default` of an option: %v", err)
	}
}

// optionTags are those that a field of a verifier may have.
var optionTags = []string{"json", "help", "default", "min", "max", "enum"}

// tagsOf is the tags of an option. One that is misspelt would limit nothing, and reflect reads over it, as it does over
// those that are not written as `key:"value"`.
func tagsOf(field reflect.StructField) map[string]string {
	tags := map[string]string{}
	for rest := strings.TrimSpace(string(field.Tag)); rest != ""; rest = strings.TrimLeft(rest, " ") {
		key, after, _ := strings.Cut(rest, ":")
		quoted, err := strconv.QuotedPrefix(after)
		if err != nil || key == "" || strings.ContainsAny(key, " \"") {
			misdeclare("the tags of the option %s are not written as `key:\"value\"`, with a space between two: %s",
				field.Name, rest)
		}
		if !slices.Contains(optionTags, key) {
			misdeclare("the tag `%s` of the option %s is none that an option has; there are `%s`",
				key, field.Name, strings.Join(optionTags, "`, `"))
		}
		tags[key], _ = strconv.Unquote(quoted)
		rest = after[len(quoted):]
	}
	return tags
}

func (o option) bound(tags map[string]string, tag string) *float64 {
	text, given := tags[tag]
	if !given {
		return nil
	}
	if kind := o.jsonType(); kind != "integer" && kind != "number" {
		misdeclare("the tag `%s` of the option `%s` limits numbers, and its field is none", tag, o.name)
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		misdeclare("the tag `%s` of the option `%s` is no number: %s", tag, o.name, text)
	}
	return &value
}

func readOptions[V any](text string) (V, error) {
	var verifier V
	if text == "" {
		text = "{}"
	}
	values := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return verifier, InvalidOptions("the options are not a JSON object: %v", err)
	}
	into := reflect.ValueOf(&verifier).Elem()
	options := optionsOf(into.Type())
	// Sorted, so that of several unknown names the same one is reported every time.
	for _, name := range sortedKeys(values) {
		if !slices.ContainsFunc(options, func(one option) bool { return one.name == name }) {
			return verifier, unknown(name, options)
		}
	}
	for _, one := range options {
		value, given := values[one.name]
		if !given && one.fallback == nil {
			return verifier, InvalidOptions("`%s` is missing", one.name)
		}
		if !given {
			value = *one.fallback
		}
		if err := one.read(value, into.Field(one.index)); err != nil {
			return verifier, err
		}
	}
	if checker, checks := any(verifier).(Checker); checks {
		if err := checker.Check(); err != nil {
			return verifier, InvalidOptions("%v", err)
		}
	}
	return verifier, nil
}

func (o option) read(value json.RawMessage, into reflect.Value) error {
	refused := InvalidOptions("`%s` is %s; it must be %s", o.name, Excerpt(string(value)), o.wanted())
	// For encoding/json, null is a value of every type.
	if bytes.Equal(value, []byte("null")) || json.Unmarshal(value, into.Addr().Interface()) != nil {
		return refused
	}
	if len(o.choices) > 0 && !slices.Contains(o.choices, into.String()) {
		return refused
	}
	if o.min == nil && o.max == nil {
		return nil
	}
	number, _ := strconv.ParseFloat(string(value), 64)
	if (o.min != nil && number < *o.min) || (o.max != nil && number > *o.max) {
		return refused
	}
	return nil
}

func (o option) wanted() string {
	if len(o.choices) > 0 {
		return "one of `" + strings.Join(o.choices, "`, `") + "`"
	}
	wanted := "of the type " + o.jsonType()
	if o.min != nil {
		wanted += fmt.Sprintf(", at least %v", *o.min)
	}
	if o.max != nil {
		wanted += fmt.Sprintf(", at most %v", *o.max)
	}
	return wanted
}

func (o option) jsonType() string {
	switch {
	case o.kind == reflect.Bool:
		return "boolean"
	case o.kind == reflect.String:
		return "string"
	case o.kind == reflect.Float32 || o.kind == reflect.Float64:
		return "number"
	case o.kind >= reflect.Int && o.kind <= reflect.Uint64:
		return "integer"
	default:
		misdeclare("the option `%s` is of the kind %v; options are bools, integers, floats or strings", o.name, o.kind)
		return ""
	}
}

func unknown(name string, options []option) error {
	if len(options) == 0 {
		return InvalidOptions("`%s` is not an option; this plugin has none", Excerpt(name))
	}
	var known []string
	for _, one := range options {
		known = append(known, "`"+one.name+"`")
	}
	return InvalidOptions("`%s` is not an option; there are %s", Excerpt(name), strings.Join(known, ", "))
}

// schema is the JSON Schema of a verifier's options; of one that is misdeclared, that they are an object.
func schema(verifier reflect.Type) (text string) {
	defer func() {
		if panicked := recover(); panicked != nil {
			if _, wrong := panicked.(misdeclared); !wrong {
				panic(panicked)
			}
			text = `{"type":"object"}`
		}
	}()
	properties, required := map[string]any{}, []string{}
	for _, one := range optionsOf(verifier) {
		property := map[string]any{"type": one.jsonType()}
		for key, bound := range map[string]*float64{"minimum": one.min, "maximum": one.max} {
			if bound != nil {
				property[key] = *bound
			}
		}
		if len(one.choices) > 0 {
			property["enum"] = one.choices
		}
		if one.help != "" {
			property["description"] = one.help
		}
		if one.fallback == nil {
			required = append(required, one.name)
		} else {
			property["default"] = *one.fallback
		}
		properties[one.name] = property
	}
	return string(marshal(map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"type":                 "object",
		"additionalProperties": false,
		"properties":           properties,
		"required":             required,
	}))
}

func marshal(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

func sortedKeys(values map[string]json.RawMessage) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
