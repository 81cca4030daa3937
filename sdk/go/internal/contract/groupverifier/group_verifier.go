// Package groupverifier is what the generated bindings call of a plugin that judges groups; package gavel sets it.
package groupverifier

import (
	types "gavel.dev/plugin/internal/contract/gavel_verifier_types"
	wit "gavel.dev/plugin/internal/wit/types"
)

// DescribeWith says what the plugin is, VerifyGroupWith judges.
var (
	DescribeWith    func() types.Description
	VerifyGroupWith func([]types.Submission, string) []wit.Result[types.Verdict, types.ErrorCode]
)

// Describe answers the host.
func Describe() types.Description { return DescribeWith() }

// VerifyGroup answers the host.
func VerifyGroup(submissions []types.Submission, options string) []wit.Result[types.Verdict, types.ErrorCode] {
	return VerifyGroupWith(submissions, options)
}
