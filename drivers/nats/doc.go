// Package nats has NATS as operations of a loop.
package nats
