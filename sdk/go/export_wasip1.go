// Between the contract's bindings and the package: what a plugin exports.

package gavel

import (
	"reflect"
	"runtime/debug"
	"strings"

	_ "gavel.dev/plugin/internal/contract" // exports the contract
	types "gavel.dev/plugin/internal/contract/gavel_verifier_types"
	"gavel.dev/plugin/internal/contract/groupverifier"
	"gavel.dev/plugin/internal/contract/verifier"
	wit "gavel.dev/plugin/internal/wit/types"
)

// The host may call the allocator, to have arguments written somewhere, and the plugin may not call the host meanwhile; a
// garbage collector that starts then would look at the clock. So it runs only while the plugin is judging.
func init() { debug.SetGCPercent(-1) }

// collecting is Go's own setting, which holds while the plugin is judging.
const collecting = 100

// Export makes V the plugin's verifier. Call it once, in an `init` function.
func Export[V Verifier](plugin Plugin) {
	verifier.DescribeWith = func() types.Description { return described[V](plugin) }
	verifier.VerifyWith = func(given types.Submission, options string) wit.Result[types.Verdict, types.ErrorCode] {
		submission := submissionOf(given)
		debug.SetGCPercent(collecting)
		defer debug.SetGCPercent(-1)
		return said(Judge[V](submission, options))
	}
}

// ExportGroup is what [gavel.dev/plugin/group.Export] calls.
func ExportGroup[V GroupVerifier](plugin Plugin) {
	groupverifier.DescribeWith = func() types.Description { return described[V](plugin) }
	groupverifier.VerifyGroupWith = func(given []types.Submission, options string) []wit.Result[types.Verdict, types.ErrorCode] {
		debug.SetGCPercent(collecting)
		defer debug.SetGCPercent(-1)
		submissions := make([]Submission, len(given))
		for index := range given {
			submissions[index] = submissionOf(given[index])
		}
		judged, err := JudgeGroup[V](submissions, options)
		if err != nil {
			judged = make([]Judged, len(given))
			for index := range judged {
				judged[index].Err = err
			}
		}
		all := make([]wit.Result[types.Verdict, types.ErrorCode], len(judged))
		for index, one := range judged {
			all[index] = said(one.Verdict, one.Err)
		}
		return all
	}
}

func described[V any](plugin Plugin) types.Description {
	return types.Description{
		Name:    plugin.Name,
		Version: plugin.Version,
		Summary: plugin.Summary,
		Options: schema(reflect.TypeFor[V]()),
		Metrics: plugin.Metrics,
	}
}

func submissionOf(given types.Submission) Submission {
	submission := Submission{Prompt: given.Prompt, Completion: given.Completion, Metadata: given.Metadata}
	if given.Reference.Tag() == wit.OptionSome {
		reference := given.Reference.Some()
		submission.Reference = &reference
	}
	return submission
}

func said(verdict Verdict, err error) wit.Result[types.Verdict, types.ErrorCode] {
	if err != nil {
		return wit.Err[types.Verdict](errorCode(asError(err)))
	}
	return wit.Ok[types.Verdict, types.ErrorCode](handedOver(verdict))
}

func handedOver(verdict Verdict) types.Verdict {
	said := types.Verdict{Reward: verdict.Reward, Reason: wit.None[string]()}
	if verdict.Reason != "" {
		said.Reason = wit.Some(valid(verdict.Reason))
	}
	for _, metric := range verdict.Metrics {
		said.Metrics = append(said.Metrics, wit.Tuple2[string, float64]{F0: valid(metric.Name), F1: metric.Value})
	}
	return said
}

// valid is a text that the contract can carry: one that was cut inside a character is none.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func errorCode(err *Error) types.ErrorCode {
	switch err.kind {
	case invalidOptions:
		return types.MakeErrorCodeInvalidOptions(valid(err.message))
	case invalidTask:
		return types.MakeErrorCodeInvalidTask(valid(err.message))
	case abstain:
		return types.MakeErrorCodeAbstain(valid(err.message))
	default:
		return types.MakeErrorCodeInternalError(valid(err.message))
	}
}
