// Package transport sends one DNS query to one server, by UDP, TCP, TLS or
// HTTPS, and returns the message that answers it. It ignores all other
// messages. It knows nothing about caches and other servers, and reads no more
// of an answer than tells it from a forgery.
package transport
