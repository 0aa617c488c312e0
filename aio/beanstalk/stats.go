package beanstalk

import (
	"context"
	"time"

	"goaio.example/aio"
)

var kindStats = aio.NewKind("beanstalk.stats")

// JobState is the state of a job in the server.
type JobState string

// The states of a job.
const (
	Ready    JobState = "ready"
	Delayed  JobState = "delayed"
	Reserved JobState = "reserved"
	Buried   JobState = "buried"
)

// JobStats holds the server's statistics of a job. Times are in whole seconds,
// rounded down by the server.
type JobStats struct {
	ID       uint64
	Tube     string
	State    JobState
	Priority uint32
	Age      time.Duration // since the put
	Delay    time.Duration // of the last put or release
	TTR      time.Duration
	// until the job, if reserved or delayed, becomes ready
	TimeLeft time.Duration
	File     uint64 // number of the oldest log file with the job; 0 without one
	Reserves uint64 // these five are lost when the server restarts
	Timeouts uint64
	Releases uint64
	Buries   uint64
	Kicks    uint64
}

func (s *JobStats) fields() fields {
	return fields{
		"id": &s.ID, "tube": &s.Tube, "state": &s.State, "pri": &s.Priority,
		"age": (*wholeSeconds)(&s.Age), "delay": (*wholeSeconds)(&s.Delay),
		"ttr": (*wholeSeconds)(&s.TTR), "time-left": (*wholeSeconds)(&s.TimeLeft),
		"file": &s.File, "reserves": &s.Reserves, "timeouts": &s.Timeouts,
		"releases": &s.Releases, "buries": &s.Buries, "kicks": &s.Kicks,
	}
}

// parseJobStats parses the statistics of the job with the ID.
func parseJobStats(body []byte, id uint64) (s JobStats, err error) {
	if err = parseFields(body, s.fields()); err == nil && s.ID != id {
		err = ErrProtocol
	}
	return s, err
}

// StatsJob returns a future of the statistics of a job. It fails with
// ErrNotFound if there is no such job.
func (c *Client) StatsJob(ctx context.Context, id uint64) *aio.Future[JobStats] {
	return byID(ctx, c, kindStats, verbStatsJob, id, takeJobStats)
}

func takeJobStats(c *call[JobStats], r *reply) (JobStats, error) { return parseJobStats(r.body, c.id) }

// TubeStats holds the server's statistics of a tube.
type TubeStats struct {
	Name string
	// ready jobs with a priority below 1024
	Urgent                           uint64
	Ready, Reserved, Delayed, Buried uint64 // jobs
	Total                            uint64 // jobs put since the server started
	Using, Watching, Waiting         uint64 // connections
	Deletes, Pauses                  uint64 // commands
	// length of the current pause, 0 if there is none
	Pause     time.Duration
	PauseLeft time.Duration
}

func (s *TubeStats) fields() fields {
	return fields{
		"name": &s.Name, "current-jobs-urgent": &s.Urgent, "current-jobs-ready": &s.Ready,
		"current-jobs-reserved": &s.Reserved, "current-jobs-delayed": &s.Delayed,
		"current-jobs-buried": &s.Buried, "total-jobs": &s.Total, "current-using": &s.Using,
		"current-watching": &s.Watching, "current-waiting": &s.Waiting, "cmd-delete": &s.Deletes,
		"cmd-pause-tube": &s.Pauses, "pause": (*wholeSeconds)(&s.Pause),
		"pause-time-left": (*wholeSeconds)(&s.PauseLeft),
	}
}

// StatsTube returns a future of the statistics of a tube. It fails with
// ErrNotFound if there is no such tube.
func (c *Client) StatsTube(ctx context.Context, tube string) *aio.Future[TubeStats] {
	p, err := c.poolOf(ctx)
	if err != nil {
		return aio.Failed[TubeStats](err)
	}
	if err := checkName(tube); err != nil {
		return invalid[TubeStats](c, verbStatsTube, tube, 0, err)
	}
	call := &call[TubeStats]{take: func(_ *call[TubeStats], r *reply) (s TubeStats, err error) {
		if err = parseFields(r.body, s.fields()); err == nil && s.Name != tube {
			err = ErrProtocol
		}
		return s, err
	}}
	call.about, call.line = tube, line(verbStatsTube.name, tube)
	return submit(ctx, p, kindStats, verbStatsTube, call)
}

// Stats returns a future of the server's own statistics.
func (c *Client) Stats(ctx context.Context) *aio.Future[ServerStats] {
	return plain(ctx, c, kindStats, verbStats, line(verbStats.name),
		func(_ *call[ServerStats], r *reply) (s ServerStats, err error) {
			err = parseFields(r.body, s.fields())
			return s, err
		})
}
