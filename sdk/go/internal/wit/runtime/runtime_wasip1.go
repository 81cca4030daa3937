// Package runtime gives the host memory that Go's garbage collector leaves alone, as the generated bindings expect it.
package runtime

import (
	"runtime"
	"unsafe"
)

// Room for the adapter from WASI preview 1 to preview 2, which needs memory before Go's runtime can give any: a mark by
// which gavel finds it, and two pages. See crates/gavel-toolkit/src/languages/adapter_memory.rs in gavel.
var room = struct {
	mark  [64]byte
	pages [2<<13 + 2]uint64 // aligned as words; two more, to align it further
}{mark: [64]byte{
	'g', 'a', 'v', 'e', 'l', ':', ' ', 'h', 'e', 'r', 'e', ' ',
	'i', 's', ' ', 'r', 'o', 'o', 'm', ' ', 'f', 'o', 'r', ' ',
	'a', 'n', ' ', 'a', 'd', 'a', 'p', 't', 'e', 'r',
}}

// The linker drops what nobody looks at.
func init() {
	if room.mark[0] != 'g' {
		panic("the room for the adapter is gone")
	}
}

// Memory that the host has been given to write arguments into. Being reachable from here keeps it.
var given [][]uint64

// Allocate returns memory that stays where it is until the pinner lets go of it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	// Words of eight bytes have every alignment that the contract asks for. One more, so that there is an address.
	memory := unsafe.Pointer(unsafe.SliceData(make([]uint64, size/8+1)))
	pinner.Pin(memory)
	return memory
}

// Unpin lets go of what the host was given: the arguments belong to Go's values now.
func Unpin() { given = nil }

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(uintptr(align))
	}
	memory := make([]uint64, size/8+1)
	given = append(given, memory)
	fresh := unsafe.Pointer(unsafe.SliceData(memory))
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(fresh), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return fresh
}
