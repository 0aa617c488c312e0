package aio

import (
	"math"
	"unsafe"
)

// setName sets the operation's name, cut off after 4 GiB. It is kept as a
// pointer and a length of 32 bits to save space, because every operation has
// one.
func (o *Op) setName(name string) {
	o.nameText, o.nameLen = unsafe.StringData(name), uint32(min(uint64(len(name)), math.MaxUint32))
}

// name returns the operation's name. It may be empty.
func (o *Op) name() string { return unsafe.String(o.nameText, o.nameLen) }

// label returns the operation's name for people, which is not empty.
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
