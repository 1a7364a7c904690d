package watch

// segments names the segments that rows count: file_id is a segment's number
// in the spool less that of the first that was read.
type segments struct {
	First int64            `json:"first"` // number of the segment that is file 0; 0: none was read
	Names map[int32]string `json:"names"` // of those that open flows may have packets in
}

// maxNames is how many segments back a flow's first packet is still found by
// name: two days of one a minute.
const maxNames = 3000

// enter gives the file number of a segment.
func (s *segments) enter(seq int64, name string) int32 {
	if s.First == 0 {
		s.First = seq
	}
	file := int32(seq - s.First)
	if s.Names == nil {
		s.Names = map[int32]string{}
	}
	s.Names[file] = name
	for n := range s.Names {
		if n <= file-maxNames {
			delete(s.Names, n)
		}
	}
	return file
}

// name is "" of a segment that was too long ago.
func (s *segments) name(file int32) string { return s.Names[file] }
