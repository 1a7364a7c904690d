package transform

import (
	"errors"
	"fmt"
	"os"

	"github.com/pcapline/pcapline/pcapio"
)

// Shard is one of Count parts of a run's captures, by number from 1. The zero
// value is all of them.
type Shard struct{ Number, Count int }

// Part is what a shard reads of a capture: all of it, or a range of one that
// several shards share.
type Part struct {
	Input int          // index in the run's captures
	Range pcapio.Range // as pcapio.Cuts gave it; zero: all
	Whole Input        // of a capture that is cut: what is known of all of it
	Lost  int64        // of a capture that is cut: packets lost while capturing
}

// last says whether the part ends with its file.
func (p Part) last() bool { return p.Range.To == 0 }

// ParseShard reads "2/4": the second of four.
func ParseShard(s string) (Shard, error) {
	var sh Shard
	n, err := fmt.Sscanf(s, "%d/%d", &sh.Number, &sh.Count)
	if err != nil || n != 2 || sh.String() != s || sh.Number < 1 || sh.Number > sh.Count {
		return Shard{}, fmt.Errorf("shard %q: want I/N, such as 1/4", s)
	}
	return sh, nil
}

// String gives the shard as ParseShard reads it.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Number, s.Count) }

// Part gives the shard's captures, paths[from:to]. A shard has captures that
// follow each other in the list, and all shards have about as many bytes; that
// follows from the list and the sizes of the files alone, so shards need to
// know nothing of each other. Some have none where files are few.
func (s Shard) Part(paths []string) (from, to int, err error) {
	if s == (Shard{}) {
		return 0, len(paths), nil
	}
	sizes := make([]int64, len(paths))
	var total int64
	for i, path := range paths {
		if path == "-" {
			return 0, 0, errors.New("standard input cannot be sharded")
		}
		if st, err := os.Stat(path); err == nil { // what cannot be read is named when it is its turn
			sizes[i] = st.Size()
		}
		total += sizes[i]
	}
	// A file is of the shard that its middle falls into.
	before := int64(0)
	from, to = len(paths), len(paths)
	for i, size := range sizes {
		of := 0
		if total > 0 {
			of = min(int(float64(before+size/2)/float64(total)*float64(s.Count)), s.Count-1)
		}
		if of >= s.Number-1 && from == len(paths) {
			from = i
		}
		if of >= s.Number {
			to = i
			break
		}
		before += size
	}
	return min(from, to), to, nil
}
