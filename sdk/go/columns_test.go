// Columns natively: what is missing is named, and never a zero that nobody wrote.

package gavel

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

type base struct {
	Source string `json:"source"`
}

type part struct {
	Weight float64 `json:"weight"`
	Unit   string  `json:"unit" default:"cm"`
}

type columns struct {
	base
	Level  int             `json:"level"`
	Share  float64         `json:"share" default:"0.5"`
	Note   *string         `json:"note"`
	Rank   int             `json:"rank,omitempty"`
	Any    any             `json:"any,omitempty"`
	Raw    json.RawMessage `json:"raw,omitempty"`
	When   time.Time       `json:"when,omitzero"`
	Parts  []part          `json:"parts,omitempty"`
	Best   *part           `json:"best"`
	ByName map[string]part `json:"by_name,omitempty"`
	Mine   int             `json:"-"`
	own    int
}

func read(metadata string) (columns, error) {
	var read columns
	err := Submission{Metadata: metadata}.Columns(&read)
	return read, err
}

func TestAColumnThatIsMissingIsNamed(t *testing.T) {
	for metadata, message := range map[string]string{
		``:                                  "the column `source` is missing",
		`{"source": "x"}`:                   "the column `level` is missing",
		`{"source": "x", "levle": 3}`:       "the column `level` is missing",
		`{"source": "x", "level": null}`:    "the column `level` is null",
		`{"source": "x", "level": "three"}`: "level",
		`{"source": "x", "level": 3, "parts": [{"weight": 1}, {}]}`: "the column `parts[1].weight` is missing",
		`{"source": "x", "level": 3, "best": {}}`:                   "the column `best.weight` is missing",
		`{"source": "x", "level": 3, "by_name": {"a": {}}}`:         "the column `by_name.a.weight` is missing",
		`[]`: "the columns are not as needed",
	} {
		_, err := read(metadata)
		var known *Error
		if !errors.As(err, &known) || known.kind != invalidTask || !strings.Contains(known.message, message) {
			t.Errorf("%s: %v", metadata, err)
		}
	}
}

func TestPointersDefaultsAndOmitemptyMayBeMissing(t *testing.T) {
	read, err := read(`{"source": "x", "Level": 3, "note": null, "rank": null, "by_name": {"a": {"weight": 2}}, "parts": [{"weight": 1}]}`)
	if err != nil || read.Level != 3 || read.Source != "x" || read.Share != 0.5 || read.Note != nil || read.Rank != 0 {
		t.Errorf("%+v, %v", read, err)
	}
	if read.Parts[0].Unit != "cm" || read.ByName["a"].Unit != "cm" {
		t.Errorf("defaults of what is within: %+v", read)
	}
}

func TestADefaultThatDoesNotFitIsTheVerifiersFault(t *testing.T) {
	var wrong struct {
		Level int `json:"level" default:"three"`
	}
	err := Submission{}.Columns(&wrong)
	var known *Error
	if !errors.As(err, &known) || known.kind != internalError || !strings.Contains(known.message, "`level`") {
		t.Errorf("%v", err)
	}
}

func TestAMapTakesEveryColumn(t *testing.T) {
	var all map[string]any
	if err := (Submission{Metadata: `{"a": 1, "b": null}`}).Columns(&all); err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
}
