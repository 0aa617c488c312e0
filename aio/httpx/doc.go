// Package httpx is HTTP as operations of a loop.
package httpx
