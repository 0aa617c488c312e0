package beanstalk

// A word is the first word of a response together with the form of its
// arguments.
type word uint8

const (
	wordNone word = iota
	wordInserted
	wordBuriedID // with an ID, to put
	wordBuried
	wordUsing
	wordReserved
	wordDeadlineSoon
	wordTimedOut
	wordDeleted
	wordNotFound
	wordReleased
	wordTouched
	wordWatching
	wordNotIgnored
	wordFound
	wordKickedN // with a count, to kick
	wordKicked
	wordOK
	wordPaused
	wordExpectedCRLF
	wordJobTooBig
	wordDraining
	wordOutOfMemory
	wordInternalError
	wordBadFormat
	wordUnknownCommand
)

// args is the form of a word's arguments.
type args uint8

const (
	argsNone args = iota
	argsID
	argsIDSize
	argsSize
	argsName
	argsCount
)

type wordKey struct {
	text string
	more bool // something follows it
}

type wordForm struct {
	word word
	args args
}

// words holds the responses of protocol.txt.
var words = map[wordKey]wordForm{
	{"INSERTED", true}:         {wordInserted, argsID},
	{"BURIED", true}:           {wordBuriedID, argsID},
	{"BURIED", false}:          {wordBuried, argsNone},
	{"USING", true}:            {wordUsing, argsName},
	{"RESERVED", true}:         {wordReserved, argsIDSize},
	{"DEADLINE_SOON", false}:   {wordDeadlineSoon, argsNone},
	{"TIMED_OUT", false}:       {wordTimedOut, argsNone},
	{"DELETED", false}:         {wordDeleted, argsNone},
	{"NOT_FOUND", false}:       {wordNotFound, argsNone},
	{"RELEASED", false}:        {wordReleased, argsNone},
	{"TOUCHED", false}:         {wordTouched, argsNone},
	{"WATCHING", true}:         {wordWatching, argsCount},
	{"NOT_IGNORED", false}:     {wordNotIgnored, argsNone},
	{"FOUND", true}:            {wordFound, argsIDSize},
	{"KICKED", true}:           {wordKickedN, argsCount},
	{"KICKED", false}:          {wordKicked, argsNone},
	{"OK", true}:               {wordOK, argsSize},
	{"PAUSED", false}:          {wordPaused, argsNone},
	{"EXPECTED_CRLF", false}:   {wordExpectedCRLF, argsNone},
	{"JOB_TOO_BIG", false}:     {wordJobTooBig, argsNone},
	{"DRAINING", false}:        {wordDraining, argsNone},
	{"OUT_OF_MEMORY", false}:   {wordOutOfMemory, argsNone},
	{"INTERNAL_ERROR", false}:  {wordInternalError, argsNone},
	{"BAD_FORMAT", false}:      {wordBadFormat, argsNone},
	{"UNKNOWN_COMMAND", false}: {wordUnknownCommand, argsNone},
}

// errorOf returns the error for a response, nil if it is not an error.
func (w word) errorOf() error {
	switch w {
	case wordNotFound:
		return ErrNotFound
	case wordTimedOut:
		return ErrTimedOut
	case wordDeadlineSoon:
		return ErrDeadlineSoon
	case wordNotIgnored:
		return ErrNotIgnored
	case wordExpectedCRLF:
		return ErrExpectedCRLF
	case wordJobTooBig:
		return ErrJobTooBig
	case wordDraining:
		return ErrDraining
	case wordOutOfMemory:
		return ErrOutOfMemory
	case wordInternalError:
		return ErrInternal
	case wordBadFormat:
		return ErrBadFormat
	case wordUnknownCommand:
		return ErrUnknownCommand
	}
	return nil
}

// wordSet is a set of words.
type wordSet uint32

func setOf(ws ...word) (s wordSet) {
	for _, w := range ws {
		s |= 1 << w
	}
	return s
}

func (s wordSet) has(w word) bool { return s&(1<<w) != 0 }

// hasError reports whether err is the error of a word in the set.
func (s wordSet) hasError(err error) bool {
	for w := wordNone + 1; w <= wordUnknownCommand; w++ {
		if s.has(w) && w.errorOf() == err {
			return true
		}
	}
	return false
}

// anyCommand is the set of responses that every command may get.
var anyCommand = setOf(wordOutOfMemory, wordInternalError, wordBadFormat, wordUnknownCommand)

// A verb is a command of the protocol, with its possible responses.
type verb struct {
	name    string
	answers wordSet
}

var (
	verbPut          = &verb{"put", setOf(wordInserted, wordBuriedID, wordExpectedCRLF, wordJobTooBig, wordDraining)}
	verbUse          = &verb{"use", setOf(wordUsing)}
	verbTubeUsed     = &verb{"list-tube-used", setOf(wordUsing)}
	verbReserve      = &verb{"reserve", setOf(wordReserved, wordTimedOut, wordDeadlineSoon)}
	verbReserveJob   = &verb{"reserve-job", setOf(wordReserved, wordNotFound)}
	verbDelete       = &verb{"delete", setOf(wordDeleted, wordNotFound)}
	verbRelease      = &verb{"release", setOf(wordReleased, wordBuried, wordNotFound)}
	verbBury         = &verb{"bury", setOf(wordBuried, wordNotFound)}
	verbTouch        = &verb{"touch", setOf(wordTouched, wordNotFound)}
	verbWatch        = &verb{"watch", setOf(wordWatching)}
	verbIgnore       = &verb{"ignore", setOf(wordWatching, wordNotIgnored)}
	verbPeek         = &verb{"peek", setOf(wordFound, wordNotFound)}
	verbPeekReady    = &verb{"peek-ready", setOf(wordFound, wordNotFound)}
	verbPeekDelayed  = &verb{"peek-delayed", setOf(wordFound, wordNotFound)}
	verbPeekBuried   = &verb{"peek-buried", setOf(wordFound, wordNotFound)}
	verbKick         = &verb{"kick", setOf(wordKickedN)}
	verbKickJob      = &verb{"kick-job", setOf(wordKicked, wordNotFound)}
	verbStats        = &verb{"stats", setOf(wordOK)}
	verbStatsJob     = &verb{"stats-job", setOf(wordOK, wordNotFound)}
	verbStatsTube    = &verb{"stats-tube", setOf(wordOK, wordNotFound)}
	verbListTubes    = &verb{"list-tubes", setOf(wordOK)}
	verbTubesWatched = &verb{"list-tubes-watched", setOf(wordOK)}
	verbPauseTube    = &verb{"pause-tube", setOf(wordPaused, wordNotFound)}
)
