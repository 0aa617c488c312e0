package httpx

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// redactedError is an error whose text has a URL with secrets in it. It shows
// the text without them. It matches what err does, but does not unwrap, since
// the errors within have the secrets in their texts too.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }

// Is reports whether err matches target.
func (e *redactedError) Is(target error) bool { return errors.Is(e.err, target) }

// As finds target in err. A *url.Error has the URL, and is not found.
func (e *redactedError) As(target any) bool {
	if _, ok := target.(**url.Error); ok {
		return false
	}
	return errors.As(e.err, target)
}

// redact returns err, or, if its text has the user information or the query of
// a URL in it, an error that shows the text without.
func redact(err error) error {
	text := err.Error()
	if clean := redactText(text); clean != text {
		return &redactedError{clean, err}
	}
	return err
}

// redactText cuts user information and queries of the URLs in a text. A URL is
// what is quoted, or a word. Only what has an "@" or a "?" can have either.
func redactText(text string) string {
	if !strings.ContainsAny(text, "@?") {
		return text
	}
	var b strings.Builder
	for text != "" {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			i = len(text)
		}
		b.WriteString(redactWords(text[:i]))
		text = text[i:]
		if quoted, err := strconv.QuotedPrefix(text); err == nil {
			b.WriteString(redactQuoted(quoted))
			text = text[len(quoted):]
		} else if text != "" {
			b.WriteByte('"')
			text = text[1:]
		}
	}
	return b.String()
}

// redactQuoted cuts the URL that a quoted string is.
func redactQuoted(quoted string) string {
	s, err := strconv.Unquote(quoted)
	if err != nil || !strings.ContainsAny(s, "@?") {
		return quoted
	}
	return strconv.Quote(redactText(cutSecrets(s)))
}

// redactWords cuts the URLs among words. What is between a scheme and the last
// "@" may be a password with spaces.
func redactWords(s string) string {
	if i, j := strings.Index(s, "://"), strings.LastIndexByte(s, '@'); i >= 0 && j > i {
		s = s[:i] + "://xxxxx" + s[j:]
	}
	words := strings.SplitAfter(s, " ")
	for i, w := range words {
		if bare := strings.TrimRight(w, " :;,.)"); strings.ContainsAny(bare, "@?") {
			words[i] = cutSecrets(bare) + w[len(bare):]
		}
	}
	return strings.Join(words, "")
}

// cutSecrets is cutCredentials for what may be no URL: other text with an "@"
// in it is left as it is, unless that may end a password.
func cutSecrets(s string) string {
	at := strings.IndexByte(s, '@')
	if at >= 0 && !strings.Contains(s[:at], ":") && !strings.Contains(s, "?") {
		return s
	}
	return cutCredentials(s)
}
