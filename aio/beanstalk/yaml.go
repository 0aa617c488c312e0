package beanstalk

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// beanstalkd's responses to stats and list commands are in a small subset of
// YAML: a line "---", then "key: value" or "- value" on each line.

// yamlLines calls fn with each line after the first.
func yamlLines(body []byte, fn func(line string) error) error {
	rest, ok := bytes.CutPrefix(body, []byte("---\n"))
	if !ok {
		return fmt.Errorf("%w: YAML expected: %.40q", ErrProtocol, body)
	}
	for len(rest) > 0 {
		line, after, ok := bytes.Cut(rest, []byte("\n"))
		if !ok {
			return fmt.Errorf("%w: a line of YAML without an end: %.40q", ErrProtocol, rest)
		}
		if err := fn(string(line)); err != nil {
			return err
		}
		rest = after
	}
	return nil
}

// parseList parses the names of tubes.
func parseList(body []byte) ([]string, error) {
	var names []string
	err := yamlLines(body, func(line string) error {
		name, ok := strings.CutPrefix(line, "- ")
		name = unquote(name)
		if !ok || checkName(name) != nil {
			return fmt.Errorf("%w: a list of tubes with %.40q", ErrProtocol, line)
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

// fields maps each key to the destination of its value: a *uint64, *uint32,
// *int, *string, *bool, a *seconds for a whole number, or a *time.Duration for
// seconds with a fraction.
type fields map[string]any

// wholeSeconds is a time.Duration that is sent as a whole number of seconds.
type wholeSeconds time.Duration

// parseFields parses statistics. It skips unknown keys: a newer server may have
// more. The values of missing keys stay zero.
func parseFields(body []byte, known fields) error {
	seen := make(map[string]bool, len(known))
	return yamlLines(body, func(line string) error {
		key, value, ok := strings.Cut(line, ":")
		if !ok || key == "" || value != "" && value[0] != ' ' {
			return fmt.Errorf("%w: statistics with %.40q", ErrProtocol, line)
		}
		to := known[key]
		if to == nil {
			return nil
		}
		if seen[key] {
			return fmt.Errorf("%w: statistics with %.40q twice", ErrProtocol, key)
		}
		seen[key] = true
		if err := setField(to, unquote(strings.TrimPrefix(value, " "))); err != nil {
			return fmt.Errorf("%w: statistics with %.60q", ErrProtocol, line)
		}
		return nil
	})
}

func setField(to any, value string) (err error) {
	switch to := to.(type) {
	case *string:
		*to = value
	case *uint64:
		*to, err = strconv.ParseUint(value, 10, 64)
	case *uint32:
		var n uint64
		n, err = strconv.ParseUint(value, 10, 32)
		*to = uint32(n)
	case *bool:
		*to, err = strconv.ParseBool(value)
	case *JobState:
		*to = JobState(value)
	case *wholeSeconds:
		var n int64
		if n, err = strconv.ParseInt(value, 10, 64); err == nil && (n > maxSeconds || n < -maxSeconds) {
			err = strconv.ErrRange
		}
		*to = wholeSeconds(time.Duration(n) * time.Second)
	case *time.Duration:
		if strings.Trim(value, "0123456789.") != "" {
			return strconv.ErrSyntax
		}
		*to, err = time.ParseDuration(value + "s")
	default:
		panic(fmt.Sprintf("beanstalk: no such field: %T", to))
	}
	return err
}

// unquote removes the double quotes from a value. beanstalkd writes no escapes.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
