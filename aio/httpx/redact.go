package httpx

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// redactedError is an error whose text had a URL with secrets in it. Its text
// has the URL without them. It matches what err matches, but does not unwrap,
// because the wrapped errors have the secrets in their texts too.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }

// Is reports whether err matches target.
func (e *redactedError) Is(target error) bool { return errors.Is(e.err, target) }

// As finds target in err. It does not find a *url.Error, which has the whole
// URL.
func (e *redactedError) As(target any) bool {
	if _, ok := target.(**url.Error); ok {
		return false
	}
	return errors.As(e.err, target)
}

// redact returns err. If its text contains the user information or the query of
// a URL, it returns an error whose text does not.
func redact(err error) error {
	text := err.Error()
	if clean := redactText(text); clean != text {
		return &redactedError{clean, err}
	}
	return err
}

// redactText removes user information and queries from the URLs in a text. A
// quoted string or a word is taken for a URL if it contains "@" or "?".
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

// redactQuoted removes secrets from a quoted string.
func redactQuoted(quoted string) string {
	s, err := strconv.Unquote(quoted)
	if err != nil || !strings.ContainsAny(s, "@?") {
		return quoted
	}
	return strconv.Quote(redactText(cutSecrets(s)))
}

// redactWords removes secrets from the words of a text. Everything from a
// scheme to the last "@" may be a password with spaces.
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

// cutSecrets is cutCredentials for text that may not be a URL. Text with an "@"
// is left unchanged, unless the "@" may end a password.
func cutSecrets(s string) string {
	at := strings.IndexByte(s, '@')
	if at >= 0 && !strings.Contains(s[:at], ":") && !strings.Contains(s, "?") {
		return s
	}
	return cutCredentials(s)
}
