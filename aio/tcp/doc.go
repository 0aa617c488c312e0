// Package tcp is TCP, unix sockets and TLS as operations of a loop.
package tcp
