package aiotest

// MaxRounds lets a test have a series end sooner.
var MaxRounds = &maxRounds
