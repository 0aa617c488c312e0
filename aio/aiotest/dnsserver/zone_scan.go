package dnsserver

import (
	"fmt"
	"strings"
)

// token is a word in the text of a zone.
type token struct {
	text   string
	quoted bool
}

// entry is a record or directive. Parentheses can spread it over several lines.
type entry struct {
	line int // the first, counted from 1
	// begins with white space, and has the owner of the entry before
	indented bool
	words    []token
}

// scan splits the text of a zone into entries. It ignores leading white space
// that is common to all lines.
func scan(text string) ([]entry, error) {
	var entries []entry
	var open *entry // has an open parenthesis
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	indent := commonIndent(lines)
	for i, line := range lines {
		line = strings.TrimPrefix(line, indent)
		e := open
		if e == nil {
			e = &entry{line: i + 1, indented: line != strings.TrimLeft(line, " \t")}
		}
		more, err := e.scanLine(line, open != nil)
		if err != nil {
			return nil, &ZoneError{Line: i + 1, Err: err}
		}
		if open = nil; more {
			open = e
		} else if len(e.words) > 0 {
			entries = append(entries, *e)
		}
	}
	if open != nil {
		return nil, &ZoneError{Line: open.line, Err: fmt.Errorf("a parenthesis opened here is never closed: add \")\"")}
	}
	return entries, nil
}

// commonIndent returns the leading white space that all lines with text have in
// common.
func commonIndent(lines []string) string {
	indent, begun := "", false
	for _, line := range lines {
		rest := strings.TrimLeft(line, " \t")
		if rest == "" {
			continue
		}
		own := line[:len(line)-len(rest)]
		if !begun {
			indent, begun = own, true
		}
		for !strings.HasPrefix(own, indent) {
			indent = indent[:len(indent)-1]
		}
	}
	return indent
}

// scanLine adds the words of one line. open says whether a parenthesis is open
// at the beginning of the line, and the result whether one is open at its end.
func (e *entry) scanLine(line string, open bool) (bool, error) {
	for line != "" {
		switch c := line[0]; c {
		case ' ', '\t':
			line = line[1:]
		case ';':
			return open, nil
		case '(', ')':
			if open == (c == '(') {
				return false, fmt.Errorf("unexpected %q: parentheses must be in pairs, and cannot be nested", c)
			}
			open = c == '('
			line = line[1:]
		case '"':
			text, rest, err := quoted(line[1:])
			if err != nil {
				return false, err
			}
			e.words = append(e.words, token{text, true})
			line = rest
		default:
			text, rest, err := bare(line)
			if err != nil {
				return false, err
			}
			e.words = append(e.words, token{text: text})
			line = rest
		}
	}
	return open, nil
}

// bare splits off a word that does not begin with a quote. It may have a quoted
// part, as in alpn="h2,h3", whose quotes are removed.
func bare(s string) (word, rest string, err error) {
	var b strings.Builder
	for s != "" && !strings.ContainsRune(" \t;()", rune(s[0])) {
		if s[0] != '"' {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		var part string
		if part, s, err = quoted(s[1:]); err != nil {
			return "", "", err
		}
		b.WriteString(part)
	}
	return b.String(), s, nil
}

// quoted splits off a string up to its closing quote. \" is a quote, \\ a
// backslash, and \DDD the byte with that decimal number.
func quoted(s string) (text, rest string, err error) {
	var b strings.Builder
	for s != "" {
		switch {
		case s[0] == '"':
			return b.String(), s[1:], nil
		case s[0] != '\\':
			b.WriteByte(s[0])
			s = s[1:]
		case len(s) > 3 && digit(s[1]) && digit(s[2]) && digit(s[3]):
			n := int(s[1]-'0')*100 + int(s[2]-'0')*10 + int(s[3]-'0')
			if n > 255 {
				return "", "", fmt.Errorf("%s is not a byte: want \\000 to \\255", s[:4])
			}
			b.WriteByte(byte(n))
			s = s[4:]
		case len(s) > 1:
			b.WriteByte(s[1])
			s = s[2:]
		default:
			s = ""
		}
	}
	return "", "", fmt.Errorf("a quoted string does not end on its line: add a \"")
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
