// Package beanstalk is a client of beanstalkd, the work queue, as operations of
// a loop (see package aio).
package beanstalk
