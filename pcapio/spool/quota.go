package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Quota bounds a spool. Zero fields bound nothing.
type Quota struct {
	Bytes   int64         // of all segments, the one being written included
	Age     time.Duration // since a segment was last written to
	MinFree int64         // bytes that stay free on the file system
	Files   int           // finished segments
}

// Deletion is a segment that GC deleted, or would have.
type Deletion struct {
	Segment
	Reason   string `json:"reason"`   // "bytes", "age", "free" or "files"
	Consumed bool   `json:"consumed"` // every cursor had passed it; false without cursors
}

// GCReport says what GC did.
type GCReport struct {
	Deleted    []Deletion `json:"deleted"`
	Freed      int64      `json:"freed"`      // bytes
	Used       int64      `json:"used"`       // bytes of all segments afterwards
	Free       int64      `json:"free"`       // bytes of the file system afterwards, -1: not known
	Unconsumed int        `json:"unconsumed"` // of the deleted, that some cursor had not passed
	Short      bool       `json:"short"`      // the quota is not kept: nothing else may be deleted
	// Problems are cursors that cannot be read. The quota is kept all the
	// same, as if they had passed nothing: else the disk would be full soon.
	Problems []string `json:"problems,omitempty"`
}

// GC deletes finished segments until the quota is kept: first those that all
// cursors have passed, then the others, the oldest first. The newest finished
// segment and those being written are never deleted. With dryRun it only says what it would do.
// It may run beside a Writer.
func GC(dir string, q Quota, now time.Time, dryRun bool) (GCReport, error) {
	return gc(dir, q, 0, now, dryRun)
}

// gc makes room for extra bytes more.
func gc(dir string, q Quota, extra int64, now time.Time, dryRun bool) (GCReport, error) {
	list, err := List(dir)
	if err != nil {
		return GCReport{}, err
	}
	cursors, cursorErr := Cursors(dir)
	if cursorErr != nil {
		cursors = append(cursors, CursorState{}) // that has passed nothing
	}
	free := int64(-1)
	if n, err := freeSpace(dir); err == nil {
		free = n
	} else if q.MinFree > 0 {
		return GCReport{}, fmt.Errorf("free-space floor: %w", err)
	}
	r := plan(list, cursors, q, extra, free, now)
	if cursorErr != nil {
		r.Problems = append(r.Problems, cursorErr.Error())
	}
	if dryRun {
		return r, nil
	}
	return r, r.delete()
}

// plan decides what to delete, given the bytes that are free.
func plan(list []Segment, cursors []CursorState, q Quota, extra, free int64, now time.Time) GCReport {
	r := GCReport{Free: free}
	var done []Segment
	for _, s := range list {
		r.Used += s.Size
		if !s.Part {
			done = append(done, s)
		}
	}
	files := len(done)
	var candidates []Deletion
	for _, s := range done[:max(0, files-1)] {
		candidates = append(candidates, Deletion{Segment: s, Consumed: consumed(s, cursors)})
	}
	slices.SortStableFunc(candidates, func(a, b Deletion) int {
		switch {
		case a.Consumed == b.Consumed:
			return 0
		case a.Consumed:
			return -1
		}
		return 1
	})
	over := func() string {
		switch {
		case q.Bytes > 0 && r.Used+extra > q.Bytes:
			return "bytes"
		case q.MinFree > 0 && r.Free >= 0 && r.Free-extra < q.MinFree:
			return "free"
		case q.Files > 0 && files > q.Files:
			return "files"
		}
		return ""
	}
	for _, c := range candidates {
		c.Reason = over()
		if c.Reason == "" && q.Age > 0 && now.Sub(c.Modified) > q.Age {
			c.Reason = "age"
		}
		if c.Reason == "" {
			continue
		}
		r.Deleted = append(r.Deleted, c)
		r.Freed += c.Size
		r.Used -= c.Size
		if r.Free >= 0 {
			r.Free += c.Size
		}
		files--
		if !c.Consumed {
			r.Unconsumed++
		}
	}
	r.Short = over() != ""
	return r
}

// consumed says whether all cursors are behind a segment.
func consumed(s Segment, cursors []CursorState) bool {
	for _, c := range cursors {
		at, ok := ParseName(c.Position.Segment)
		if !ok || at.Seq < s.Seq || at.Seq == s.Seq && c.Position.Offset < s.Size {
			return false
		}
	}
	return len(cursors) > 0
}

// delete does what was planned. Segments that are gone already count as deleted.
func (r *GCReport) delete() error {
	var failed []error
	for _, d := range r.Deleted {
		if err := os.Remove(d.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, fmt.Errorf("quota: %w", err))
		}
	}
	return errors.Join(failed...)
}
