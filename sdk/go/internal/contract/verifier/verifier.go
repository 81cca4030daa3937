// Package verifier is what the generated bindings call; package gavel sets it.
package verifier

import (
	types "gavel.dev/plugin/internal/contract/gavel_verifier_types"
	wit "gavel.dev/plugin/internal/wit/types"
)

// DescribeWith says what the plugin is, VerifyWith judges.
var (
	DescribeWith func() types.Description
	VerifyWith   func(types.Submission, string) wit.Result[types.Verdict, types.ErrorCode]
)

// Describe answers the host.
func Describe() types.Description { return DescribeWith() }

// Verify answers the host.
func Verify(submission types.Submission, options string) wit.Result[types.Verdict, types.ErrorCode] {
	return VerifyWith(submission, options)
}
