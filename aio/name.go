package aio

import (
	"math"
	"unsafe"
)

// setName sets the operation's name. What is beyond 4 GiB is cut off. The name
// is kept without the padding of a string, because every operation has one.
func (o *Op) setName(name string) {
	o.nameText, o.nameLen = unsafe.StringData(name), uint32(min(uint64(len(name)), math.MaxUint32))
}

// name returns the operation's name. It may be empty.
func (o *Op) name() string { return unsafe.String(o.nameText, o.nameLen) }

// label names the operation for people.
func (o *Op) label() string {
	if n := o.name(); n != "" {
		return n
	}
	if d, ok := o.driver.(Namer); ok {
		if n := d.OpName(); n != "" {
			return n
		}
	}
	return o.kind.String()
}
