// Package types has the types of WIT that Go lacks, as the generated bindings expect them of a package that is on no
// registry but the Go proxy.
package types

// The tags of an [Option] and of a [Result].
const (
	OptionNone = 0
	OptionSome = 1
	ResultOk   = 0
	ResultErr  = 1
)

// Option is a value or none.
type Option[T any] struct {
	tag   uint8
	value T
}

// None has no value.
func None[T any]() Option[T] { return Option[T]{} }

// Some has one.
func Some[T any](value T) Option[T] { return Option[T]{OptionSome, value} }

// Tag says which it is.
func (o Option[T]) Tag() uint8 { return o.tag }

// Some is the value, where there is one.
func (o Option[T]) Some() T { return o.value }

// Result is a value or an error.
type Result[T, E any] struct {
	tag uint8
	ok  T
	err E
}

// Ok has a value.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{ok: value} }

// Err has an error.
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{tag: ResultErr, err: err} }

// Tag says which it is.
func (r Result[T, E]) Tag() uint8 { return r.tag }

// Ok is the value, where there is one.
func (r Result[T, E]) Ok() T { return r.ok }

// Err is the error, where there is one.
func (r Result[T, E]) Err() E { return r.err }

// Tuple2 is two values.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}
