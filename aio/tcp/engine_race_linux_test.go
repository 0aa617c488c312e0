//go:build race

package tcp_test

func init() { raceDetector = true }
