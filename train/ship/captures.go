package ship

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/train/watch"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/slice"
)

// errWaits says that rows have packets in a segment that is still being written.
var errWaits = errors.New("a segment is still being written")

// found are the captures of a table's rows.
type found struct {
	paths map[int]string // by file_id
	gone  []int          // file_ids of those that there are no more
}

// captures finds the captures that a table's rows lie in: the spool's segments
// for a table that a watch wrote, else those among s.captures with the SHA-256
// that the table has of them.
func (s *Shipper) captures(p *picked) (*found, error) {
	origin, err := watch.OriginOf(p.Metadata)
	if err != nil {
		return nil, err
	}
	name := func(int) (string, error) { return "", nil }
	if origin != nil {
		name, err = s.segments(origin)
	} else {
		name, err = s.inputs(p)
	}
	if err != nil {
		return nil, err
	}
	f := &found{paths: map[int]string{}}
	for _, id := range p.files() {
		path, err := name(id)
		if err != nil {
			return nil, err
		}
		if path == "" {
			f.gone = append(f.gone, id)
		} else {
			f.paths[id] = path
		}
	}
	return f, nil
}

func (s *Shipper) segments(o *watch.Origin) (func(int) (string, error), error) {
	if s.opt.Spool == "" {
		return nil, errors.New("the table is of a spool; name the spool")
	}
	list, err := spool.List(s.opt.Spool)
	if err != nil {
		return nil, err
	}
	return func(id int) (string, error) {
		name := o.Segments[int32(id)]
		i := slices.IndexFunc(list, func(s spool.Segment) bool { return s.Name == name })
		if i < 0 {
			return "", nil
		}
		if list[i].Part {
			return "", errWaits
		}
		return list[i].Path, nil
	}, nil
}

func (s *Shipper) inputs(p *picked) (func(int) (string, error), error) {
	inputs, err := transform.Captures(p.Metadata)
	if err != nil {
		return nil, err
	}
	if s.digests == nil {
		s.digests = map[string]string{}
		for _, path := range s.opt.Captures {
			sum, _, err := pcapio.Digest(path)
			if err != nil {
				return nil, err
			}
			s.digests[sum] = path
		}
	}
	return func(id int) (string, error) {
		if id >= len(inputs) {
			return "", fmt.Errorf("file_id %d, but the table is of %d captures", id, len(inputs))
		}
		return s.digests[inputs[id].SHA256], nil
	}, nil
}

// onto gives the spans of the rows, with captures counted in the order of inputs.
// Where a row begins or ends in a capture that is gone, what is left of it.
func (p *picked) onto(f *found) (inputs []string, spans []slice.Span) {
	var ids []int
	for _, id := range p.files() {
		if path := f.paths[id]; path != "" {
			ids = append(ids, id)
			inputs = append(inputs, path)
		}
	}
	for _, s := range p.spans {
		from, _ := slices.BinarySearch(ids, s.File)
		to, exact := slices.BinarySearch(ids, s.To)
		if !exact {
			to--
		}
		if from > to {
			continue // nothing of it is left
		}
		if ids[from] != s.File {
			s.First = 1
		}
		if ids[to] != s.To {
			s.Last = 1<<63 - 1
		}
		s.File, s.To = from, to
		spans = append(spans, s)
	}
	return inputs, spans
}
