// Package gavel is for writing gavel reward plugins in Go.
//
// A verifier is a struct whose fields are the plugin's options, with a method that judges:
//
//	type ExactMatch struct{}
//
//	func (ExactMatch) Verify(s gavel.Submission) (gavel.Verdict, error) {
//		reference, err := s.RequireReference()
//		return gavel.RightIf(s.Completion == reference), err
//	}
//
//	func init() {
//		gavel.Export[ExactMatch](gavel.Plugin{
//			Name: "exact-match", Version: "0.1.0", Summary: "The completion is the reference.",
//		})
//	}
//
//	func main() {}
//
// A fresh instance of the plugin judges each submission: nothing survives from one to the next.
package gavel

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"unicode"
)

// Submission is one completion of one task. The texts are UTF-8.
type Submission struct {
	// Prompt as the policy saw it, or the last user message of a chat.
	Prompt string
	// Completion is what the policy wrote.
	Completion string
	// Reference is the ground truth; nil where the task has none.
	Reference *string
	// Metadata is a JSON object: the task's other columns. It may gain keys.
	Metadata string
}

// RequireReference is the ground truth; the error is an [InvalidTask] where the task has none.
func (s Submission) RequireReference() (string, error) {
	if s.Reference == nil {
		return "", InvalidTask("`reference` is missing: this verifier compares the completion with it")
	}
	return *s.Reference, nil
}

// Verdict is what a submission is worth. A wrong answer is a verdict with a low reward.
type Verdict struct {
	// Reward is finite. By custom 0 is wrong and 1 is right.
	Reward float64
	// Reason is one line for a person: what was extracted and how it was compared.
	Reason string
	// Metrics are named numbers, all finite, each of the plugin's metrics once.
	Metrics []Metric
}

// Metric is a named number.
type Metric struct {
	Name  string
	Value float64
}

// RightIf is a reward of 1 where right, else of 0.
func RightIf(right bool) Verdict {
	if right {
		return Verdict{Reward: 1}
	}
	return Verdict{}
}

// Because is the same verdict with a reason.
func (v Verdict) Because(format string, arguments ...any) Verdict {
	v.Reason = fmt.Sprintf(format, arguments...)
	return v
}

// Metric is the same verdict with one metric more.
func (v Verdict) Metric(name string, value float64) Verdict {
	v.Metrics = append(v.Metrics, Metric{name, value})
	return v
}

// Verifier judges submissions. Its fields, where it is a struct, are the plugin's options; see [Plugin].
type Verifier interface {
	Verify(Submission) (Verdict, error)
}

// GroupVerifier judges all completions of one prompt together, at least one: for each, in their order, what it is worth or why
// it has no verdict. Its error is why none of them has one. It is exported by [gavel.dev/plugin/group.Export].
type GroupVerifier interface {
	VerifyGroup([]Submission) ([]Judged, error)
}

// Judged is what one completion of a group is worth, or why it has no verdict.
type Judged struct {
	Verdict Verdict
	// Err is an error such as [Abstain]; nil where there is a verdict.
	Err error
}

// Checker is a verifier with something to say about options that types and tags cannot. Its error becomes an
// [InvalidOptions].
type Checker interface {
	Check() error
}

// Plugin is what a plugin says of itself. The options are the fields of the verifier:
//
//	type Limits struct {
//		Words int     `json:"words" min:"1" help:"The most words."` // has to be given
//		Mode  string  `json:"mode" default:"soft" enum:"soft,hard"`
//		Share float64 `json:"share" default:"0.5" min:"0" max:"1"`
//	}
//
// Types are bool, integers, floats and string. A name that is no field is refused, and the JSON Schema is made of them. Other
// tags than these, and a default that they do not allow, would limit nothing: with them every submission is an [Internal]
// error that says which tag it is.
type Plugin struct {
	// Name in kebab-case, as a reward file calls it.
	Name string
	// Version is the plugin's semantic version.
	Version string
	// Summary is one sentence.
	Summary string
	// Metrics are the names of the metrics that every verdict carries.
	Metrics []string
}

// Error is why there is no verdict.
type Error struct {
	kind    kind
	message string
}

type kind uint8

const (
	invalidOptions kind = iota
	invalidTask
	abstain
	internalError
)

func (e *Error) Error() string { return e.message }

// InvalidOptions says that the options make no sense together. Return it before you look at the submission.
func InvalidOptions(format string, arguments ...any) error {
	return &Error{invalidOptions, fmt.Sprintf(format, arguments...)}
}

// InvalidTask says that the reference or the metadata is not what this verifier needs.
func InvalidTask(format string, arguments ...any) error {
	return &Error{invalidTask, fmt.Sprintf(format, arguments...)}
}

// Abstain says that the verifier cannot judge this submission; it is left out.
func Abstain(format string, arguments ...any) error {
	return &Error{abstain, fmt.Sprintf(format, arguments...)}
}

// Internal says that the verifier failed. Any other error, and a panic, becomes this.
func Internal(format string, arguments ...any) error {
	return &Error{internalError, fmt.Sprintf(format, arguments...)}
}

// Judge judges one submission as the plugin would, natively: for tests. `options` is a JSON object.
func Judge[V Verifier](submission Submission, options string) (verdict Verdict, err error) {
	defer func() {
		if why := asPanic(recover()); why != nil {
			verdict, err = Verdict{}, why
		}
	}()
	verifier, err := readOptions[V](options)
	if err != nil {
		return Verdict{}, err
	}
	if verdict, err = verifier.Verify(submission); err != nil {
		return Verdict{}, asError(err)
	}
	if err = notFinite(verdict); err != nil {
		return Verdict{}, err
	}
	return verdict, nil
}

// JudgeGroup judges a group as the plugin would, natively: for tests. `options` is a JSON object. Its error is why none of
// them has a verdict.
func JudgeGroup[V GroupVerifier](submissions []Submission, options string) (judged []Judged, err error) {
	defer func() {
		if why := asPanic(recover()); why != nil {
			judged, err = nil, why
		}
	}()
	verifier, err := readOptions[V](options)
	if err != nil {
		return nil, err
	}
	if judged, err = verifier.VerifyGroup(submissions); err != nil {
		return nil, asError(err)
	}
	for index := range judged {
		if judged[index].Err == nil {
			judged[index].Err = notFinite(judged[index].Verdict)
		}
	}
	return judged, nil
}

// notFinite is an error where a number of the verdict is not finite.
func notFinite(verdict Verdict) error {
	for _, number := range append([]Metric{{"the reward", verdict.Reward}}, verdict.Metrics...) {
		if math.IsNaN(number.Value) || math.IsInf(number.Value, 0) {
			return Internal("%s is %v, which is no finite number", number.Name, number.Value)
		}
	}
	return nil
}

// asPanic is the error that a panic becomes; nil where there was none. For a function that has just recovered.
func asPanic(panicked any) error {
	if wrong, is := panicked.(misdeclared); is {
		return Internal("%s", string(wrong))
	}
	if panicked == nil {
		return nil
	}
	// For `gavel plugin test`, which shows what a verifier wrote.
	fmt.Fprintf(os.Stderr, "panic: %v\n\n%s", panicked, debug.Stack())
	return Internal("panic: %v%s", panicked, panicPlace())
}

// panicPlace is where the author's own code panicked, for a function that has just recovered: the first frame that is
// neither the runtime's nor this package's.
func panicPlace() string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for {
		frame, more := frames.Next()
		name := frame.Function
		if !strings.HasPrefix(name, "runtime.") && !strings.HasPrefix(name, "gavel.dev/plugin.") && frame.File != "" {
			return fmt.Sprintf(" (%s:%d in %s)", path.Base(frame.File), frame.Line, name)
		}
		if !more {
			return ""
		}
	}
}

func asError(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{internalError, err.Error()}
}

// Excerpt is a text as one line of at most 80 characters that is safe to print: for reasons.
func Excerpt(text string) string {
	const longest = 80
	var line strings.Builder
	count := 0
	for _, letter := range text {
		if count++; count > longest {
			break
		}
		if !unicode.IsPrint(letter) {
			letter = ' '
		}
		line.WriteRune(letter)
	}
	return line.String()
}
