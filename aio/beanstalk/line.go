package beanstalk

import "strconv"

// line returns a command made of a word and names.
func line(verb string, names ...string) []byte {
	n := len(verb) + 2
	for _, s := range names {
		n += 1 + len(s)
	}
	b := append(make([]byte, 0, n), verb...)
	for _, s := range names {
		b = append(append(b, ' '), s...)
	}
	return append(b, "\r\n"...)
}

// numbered returns a command made of a word and numbers.
func numbered(verb string, numbers ...uint64) []byte {
	b := append(make([]byte, 0, len(verb)+2+21*len(numbers)), verb...)
	for _, n := range numbers {
		b = strconv.AppendUint(append(b, ' '), n, 10)
	}
	return append(b, "\r\n"...)
}

// putLine returns the command put, with the body.
func putLine(pri, delay, ttr uint32, body []byte) []byte {
	b := append(make([]byte, 0, 52+len(body)), "put"...)
	for _, n := range [...]uint64{uint64(pri), uint64(delay), uint64(ttr), uint64(len(body))} {
		b = strconv.AppendUint(append(b, ' '), n, 10)
	}
	b = append(b, "\r\n"...)
	b = append(b, body...)
	return append(b, "\r\n"...)
}
