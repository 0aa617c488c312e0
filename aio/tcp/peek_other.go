//go:build !unix

package tcp

import "net"

// peekEnd returns nothing: here reading has to tell.
func peekEnd(net.Conn) hangUpSeen { return hangUpNone }
