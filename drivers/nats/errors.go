package nats

import "errors"

var (
	// errBroken is the error of a Reserve whose connection is broken.
	errBroken = errors.New("nats: the connection is broken")
	// errDeaf is the error of a Reserve that JetStream has not answered.
	errDeaf = errors.New("nats: JetStream does not answer")
	// errMoved says that another server has become the leader of a consumer.
	errMoved = errors.New("nats: the consumer has a new leader")
	// errUnopened is the error of a bucket that could not be opened.
	errUnopened = errors.New("the bucket cannot be opened")
)
