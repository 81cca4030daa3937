// The SDK natively: options, verdicts, errors.

package gavel

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

type words struct {
	Limit  int     `json:"limit" min:"1" max:"9" help:"The most words."`
	Mode   string  `json:"mode" default:"soft" enum:"soft,hard"`
	Share  float64 `json:"share" default:"0.5"`
	Strict bool    `json:"strict" default:"false"`
}

func (w words) Check() error {
	if w.Strict && w.Mode == "soft" {
		return errors.New("`strict` needs the mode `hard`")
	}
	return nil
}

func (w words) Verify(s Submission) (Verdict, error) {
	switch s.Completion {
	case "?":
		return Verdict{}, Abstain("a question")
	case "!":
		panic("broken")
	case "plain":
		return Verdict{}, errors.New("plain")
	case "inf":
		return Verdict{Reward: 1 / (w.Share - 0.5)}, nil
	}
	return RightIf(len(strings.Fields(s.Completion)) <= w.Limit).Because("%d allowed", w.Limit), nil
}

func refused(t *testing.T, options string) string {
	t.Helper()
	_, err := Judge[words](Submission{}, options)
	var known *Error
	if !errors.As(err, &known) || known.kind != invalidOptions {
		t.Fatalf("%s was not refused: %v", options, err)
	}
	return known.message
}

func TestAWrongOptionIsNamed(t *testing.T) {
	for options, message := range map[string]string{
		`{}`:                             "`limit` is missing",
		`{"limit": 0}`:                   "`limit` is 0; it must be of the type integer, at least 1, at most 9",
		`{"limit": 2.5}`:                 "`limit` is 2.5",
		`{"limit": "3"}`:                 "`limit` is \"3\"",
		`{"limit": null}`:                "`limit` is null",
		`{"limit": 3, "mode": "medium"}`: "one of `soft`, `hard`",
		`{"limit": 3, "limt": 3}`:        "`limt` is not an option; there are `limit`, `mode`",
		`{"limit": 3, "strict": true}`:   "`strict` needs",
		`[]`:                             "not a JSON object",
	} {
		if said := refused(t, options); !strings.Contains(said, message) {
			t.Errorf("%s: %s", options, said)
		}
	}
}

func TestVerdictsAndErrorsKeepTheirKind(t *testing.T) {
	verdict, err := Judge[words](Submission{Completion: "one two"}, `{"limit": 2}`)
	if err != nil || verdict.Reward != 1 || verdict.Reason != "2 allowed" {
		t.Errorf("%+v, %v", verdict, err)
	}
	for completion, wanted := range map[string]kind{"?": abstain, "!": internalError, "plain": internalError, "inf": internalError} {
		_, err := Judge[words](Submission{Completion: completion}, `{"limit": 2}`)
		var known *Error
		if !errors.As(err, &known) || known.kind != wanted {
			t.Errorf("%s: %v", completion, err)
		}
	}
}

func TestTheSchemaSaysWhatIsChecked(t *testing.T) {
	var document struct {
		Additional bool                      `json:"additionalProperties"`
		Properties map[string]map[string]any `json:"properties"`
		Required   []string                  `json:"required"`
	}
	if err := json.Unmarshal([]byte(schema(reflect.TypeFor[words]())), &document); err != nil {
		t.Fatal(err)
	}
	if document.Additional || !reflect.DeepEqual(document.Required, []string{"limit"}) {
		t.Errorf("%+v", document)
	}
	limit := map[string]any{"type": "integer", "minimum": 1.0, "maximum": 9.0, "description": "The most words."}
	if !reflect.DeepEqual(document.Properties["limit"], limit) {
		t.Errorf("%v", document.Properties["limit"])
	}
	if document.Properties["mode"]["default"] != "soft" {
		t.Errorf("%v", document.Properties["mode"])
	}
}

// declared is what is said of a verifier whose field has these tags.
func declared(kind reflect.Type, tags string) (said string) {
	defer func() {
		if wrong, is := recover().(misdeclared); is {
			said = string(wrong)
		}
	}()
	field := reflect.StructField{Name: "One", Type: kind, Tag: reflect.StructTag(tags)}
	verifier := reflect.StructOf([]reflect.StructField{field})
	optionsOf(verifier)
	return schema(verifier)
}

type misspelt struct {
	Limit int `json:"limit" mim:"1"`
}

func (misspelt) Verify(Submission) (Verdict, error) { return RightIf(true), nil }

func TestAMisdeclaredVerifierDescribesItselfAndTellsEverySubmission(t *testing.T) {
	if said := schema(reflect.TypeFor[misspelt]()); said != `{"type":"object"}` {
		t.Error(said)
	}
	_, err := Judge[misspelt](Submission{}, `{"limit": 3}`)
	var known *Error
	if !errors.As(err, &known) || known.kind != internalError || !strings.HasPrefix(known.message, "the tag `mim` of") {
		t.Errorf("%v", err)
	}
}

func TestATagThatWouldLimitNothingIsRefused(t *testing.T) {
	number, text := reflect.TypeFor[float64](), reflect.TypeFor[string]()
	for _, one := range []struct {
		kind          reflect.Type
		tags, message string
	}{
		{number, `json:"one" mim:"1"`, "the tag `mim` of the option One is none that an option has; there are `json`, `help`"},
		{text, `json:"one" choices:"a,b"`, "the tag `choices`"},
		{number, `json:"one" min: "1"`, "not written as"},
		{number, `json:"one", min:"1"`, "not written as"},
		{number, `json:"one" min:1`, "not written as"},
		{number, `json:"one" min:"few"`, "is no number: few"},
		{text, `json:"one" min:"1"`, "the tag `min` of the option `one` limits numbers"},
		{number, `json:"one" enum:"1,2"`, "the tag `enum` of the option `one` limits texts"},
		{number, `json:"one" default:"few"`, "the tag `default` of an option: `one` is few; it must be of the type number"},
		{number, `json:"one" default:"0" min:"1"`, "`one` is 0; it must be of the type number, at least 1"},
		{text, `json:"one" default:"c" enum:"a,b"`, "one of `a`, `b`"},
		{text, `json:"one" help:"Said \"so\"." default:"a" enum:"a,b"`, `"description":"Said \"so\"."`},
	} {
		if said := declared(one.kind, one.tags); !strings.Contains(said, one.message) {
			t.Errorf("%s: %s", one.tags, said)
		}
	}
}

func TestAnExcerptIsOneLine(t *testing.T) {
	if said := Excerpt("a\nb\x1b[31m"); said != "a b [31m" {
		t.Errorf("%q", said)
	}
	if said := Excerpt(strings.Repeat("é", 100)); len([]rune(said)) != 80 {
		t.Errorf("%q", said)
	}
}
