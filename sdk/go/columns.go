// Columns of the task as a struct of the author's, with one clear error where a column is not as needed.

package gavel

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Columns reads the metadata into a struct that names the columns that you need; others are ignored.
//
//	var columns struct {
//		Level int     `json:"level"`             // has to be there
//		Share float64 `json:"share" default:"1"` // this where it is missing or null
//		Note  *string `json:"note"`              // nil where it is missing or null
//		Rank  int     `json:"rank,omitempty"`    // 0 where it is missing or null
//	}
//	if err := submission.Columns(&columns); err != nil {
//		return gavel.Verdict{}, err
//	}
//
// A column that is missing, or null, is an [InvalidTask] that names it, unless its field is a pointer, or has `omitempty`
// or a default. The same holds of structs within. A field of the type `any` takes null.
func (s Submission) Columns(into any) error {
	columns := json.RawMessage(s.Metadata)
	if len(columns) == 0 {
		columns = json.RawMessage("{}")
	}
	if err := json.Unmarshal(columns, into); err != nil {
		return InvalidTask("the columns are not as needed: %v", err)
	}
	return complete(reflect.ValueOf(into).Elem(), columns, "")
}

// complete looks at a value that was read of this JSON for what encoding/json leaves at zero without a word: names that
// are missing there. It writes their defaults, or refuses them.
func complete(into reflect.Value, of json.RawMessage, path string) error {
	if _, readsItself := into.Addr().Interface().(json.Unmarshaler); readsItself || isNull(of) {
		return nil
	}
	switch into.Kind() {
	case reflect.Pointer:
		if !into.IsNil() {
			return complete(into.Elem(), of, path)
		}
	case reflect.Struct:
		return completeFields(into, of, path)
	case reflect.Slice, reflect.Array:
		return completeItems(into, of, path)
	case reflect.Map:
		return completeEntries(into, of, path)
	}
	return nil
}

func completeFields(into reflect.Value, of json.RawMessage, path string) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(of, &members); err != nil {
		return InvalidTask("the columns are not as needed: %v", err)
	}
	for index := range into.NumField() {
		field := into.Type().Field(index)
		tag := field.Tag.Get("json")
		name, settings, _ := strings.Cut(tag, ",")
		var err error
		switch {
		case field.Anonymous && name == "" && tag != "-":
			// The fields of an embedded struct are read as if they were here.
			err = completeEmbedded(into.Field(index), of, path)
		case field.IsExported() && tag != "-":
			if name == "" {
				name = field.Name
			}
			mayLack := slices.ContainsFunc(strings.Split(settings, ","), func(setting string) bool {
				return setting == "omitempty" || setting == "omitzero"
			})
			err = completeField(into.Field(index), field, member(members, name), within(path, name), mayLack)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func completeEmbedded(into reflect.Value, of json.RawMessage, path string) error {
	if into.Kind() == reflect.Pointer {
		into = into.Elem()
	}
	if into.Kind() != reflect.Struct {
		return nil
	}
	return completeFields(into, of, path)
}

// completeField looks at one field; `of` is nil where the name is missing.
func completeField(into reflect.Value, field reflect.StructField, of json.RawMessage, path string, mayLack bool) error {
	if of != nil && !isNull(of) {
		return complete(into, of, path)
	}
	if fallback, given := field.Tag.Lookup("default"); given {
		return writeDefault(into, fallback, path)
	}
	takesNull := into.Kind() == reflect.Interface || into.Type() == reflect.TypeFor[json.RawMessage]()
	switch {
	case mayLack, into.Kind() == reflect.Pointer, takesNull && of != nil:
		return nil
	case of != nil:
		return InvalidTask("the column `%s` is null", path)
	default:
		return InvalidTask("the column `%s` is missing", path)
	}
}

func completeItems(into reflect.Value, of json.RawMessage, path string) error {
	var items []json.RawMessage
	// Bytes are a text in JSON, and the items of most lists have no names that could be missing.
	if !hasNames(into.Type().Elem()) || json.Unmarshal(of, &items) != nil {
		return nil
	}
	for index := range min(into.Len(), len(items)) {
		if err := complete(into.Index(index), items[index], fmt.Sprintf("%s[%d]", path, index)); err != nil {
			return err
		}
	}
	return nil
}

func completeEntries(into reflect.Value, of json.RawMessage, path string) error {
	var entries map[string]json.RawMessage
	kind := into.Type()
	if !hasNames(kind.Elem()) || kind.Key().Kind() != reflect.String || json.Unmarshal(of, &entries) != nil {
		return nil
	}
	for _, name := range sortedKeys(entries) {
		key := reflect.ValueOf(name).Convert(kind.Key())
		// What is in a map cannot be written to.
		entry := reflect.New(kind.Elem()).Elem()
		entry.Set(into.MapIndex(key))
		if err := complete(entry, entries[name], within(path, name)); err != nil {
			return err
		}
		into.SetMapIndex(key, entry)
	}
	return nil
}

// hasNames says whether a value of this type can hold structs.
func hasNames(kind reflect.Type) bool {
	switch kind.Kind() {
	case reflect.Struct, reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return true
	}
	return false
}

// member finds a name as encoding/json does: exactly, else in other letters. It is nil where there is none.
func member(members map[string]json.RawMessage, name string) json.RawMessage {
	if value, there := members[name]; there {
		return value
	}
	for _, key := range sortedKeys(members) {
		if strings.EqualFold(key, name) {
			return members[key]
		}
	}
	return nil
}

// writeDefault writes what the tag `default` says: a text as it is, else JSON.
func writeDefault(into reflect.Value, fallback, path string) error {
	text := json.RawMessage(fallback)
	if into.Kind() == reflect.String {
		text = marshal(fallback)
	}
	if err := json.Unmarshal(text, into.Addr().Interface()); err != nil {
		return Internal("the tag `default` of the column `%s` does not fit: %v", path, err)
	}
	return nil
}

func within(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func isNull(value json.RawMessage) bool { return string(value) == "null" }
