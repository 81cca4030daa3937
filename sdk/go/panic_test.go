// Where a verifier panicked, seen from outside of the package, as a plugin is.

package gavel_test

import (
	"regexp"
	"testing"

	gavel "gavel.dev/plugin"
)

type third struct{}

func (third) Verify(s gavel.Submission) (gavel.Verdict, error) {
	return gavel.RightIf(letter(s.Completion) == 'a'), nil
}

func letter(text string) byte { return text[2] }

func TestAPanicSaysTheAuthorsLine(t *testing.T) {
	_, err := gavel.Judge[third](gavel.Submission{Completion: ""}, "{}")
	wanted := regexp.MustCompile(`^panic: runtime error: index out of range \[2\] with length 0 \(panic_test\.go:18 in .*letter\)$`)
	if err == nil || !wanted.MatchString(err.Error()) {
		t.Errorf("%v", err)
	}
}
