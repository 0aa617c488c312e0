//go:build !race

package aio_test

const raceOn = false
