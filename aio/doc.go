// Package aio runs operations under a supervising loop.
package aio
