package pcapio

import (
	"container/heap"
	"context"
)

// Merge reads files that overlap in time as one: always the packet that is
// next in any of them by time comes next, of equal times that of the file that was
// named first, as mergecap does. Inside a file the order stays, even where
// its times do not rise. Packets without a time stay behind the one before
// them. The Stream is like that of Blocks, but blocks are the runs of packets that come from
// one file, so they may be short, and the begins and ends of files lie
// between others' blocks. A file is opened twice: for the time of its first packet, and
// when that time has come; so only files that overlap are open together.
func Merge(ctx context.Context, paths []string, opt Options) *Stream {
	s := newStreamOf(ctx, opt)
	s.queues = make(chan chan Event, 1)
	q := make(chan Event, aheadBlocks)
	s.queues <- q
	close(s.queues)
	stdin := false
	for _, p := range paths {
		stdin = stdin || p == "-"
	}
	s.start(stdin, func() {
		defer close(q)
		m := merger{s: s, q: q}
		defer m.close()
		m.run(paths)
	})
	return s
}

// merger is the goroutine of a Merge.
type merger struct {
	s     *Stream
	q     chan<- Event
	files mergeHeap
}

// mergeFile is one file on its way. Before it is begun it has no block.
type mergeFile struct {
	index int
	path  string
	r     *Reader
	b     *Block
	err   error // what followed b, or Open's
	next  int   // packet of b
	time  int64 // by which the file is ordered: that of the next packet
	begun bool
}

func (m *merger) run(paths []string) {
	for i, path := range paths {
		f := &mergeFile{index: i, path: path}
		m.files = append(m.files, f)
		if m.s.ctx.Err() != nil {
			return
		}
		f.probe(m.s)
	}
	heap.Init(&m.files)
	for len(m.files) > 0 {
		f := m.files[0]
		if !f.begun && !m.begin(f) {
			return
		}
		if f.b == nil {
			heap.Pop(&m.files)
			if !m.end(f) {
				return
			}
			continue
		}
		if !m.sendRun(f) {
			return
		}
		heap.Fix(&m.files, 0)
	}
}

// probe finds the time of a file's first packet. Standard input can be opened
// once only and stays open.
func (f *mergeFile) probe(s *Stream) {
	r, err := openPooled(f.path, s.opt, s.pool)
	if err != nil {
		return // said when its turn comes: at once, since f.time is 0
	}
	if f.path == "-" {
		f.r = r
		f.b, f.err = r.NextBlock()
		if f.b != nil {
			f.time = f.b.Packets[0].Time
		}
		return
	}
	defer r.Close()
	var p Packet
	if r.Next(&p) == nil {
		f.time = p.Time
	}
}

// begin opens a file whose time has come.
func (m *merger) begin(f *mergeFile) bool {
	f.begun = true
	file := &File{Path: f.path, Size: -1}
	if f.r == nil {
		f.r, f.err = openPooled(f.path, m.s.opt, m.s.pool)
		if f.r != nil {
			f.b, f.err = f.r.NextBlock()
		}
	}
	if f.r != nil {
		file = f.r.File()
	}
	return m.s.send(m.q, Event{Kind: FileBegin, Index: f.index, File: file})
}

func (m *merger) end(f *mergeFile) bool {
	if f.r == nil {
		return m.s.send(m.q, Event{Kind: FileEnd, Index: f.index, File: &File{Path: f.path, Size: -1}, Err: f.err})
	}
	defer f.r.Close()
	return m.s.send(m.q, fileEnd(f.index, f.r, f.err))
}

// sendRun sends the packets of f that come before those of all other files.
func (m *merger) sendRun(f *mergeFile) bool {
	limit, tie := m.runnerUp()
	end := f.next + 1
	for end < len(f.b.Packets) {
		t := f.timeOf(end)
		if t > limit || t == limit && f.index > tie {
			break
		}
		f.time = t
		end++
	}
	b := f.cut(end)
	if !m.s.send(m.q, Event{Kind: FileBlock, Index: f.index, File: b.File, Block: b}) {
		return false
	}
	if f.b != nil {
		f.time = f.timeOf(f.next)
	}
	return true
}

// runnerUp gives time and index of the file that is next after the first.
func (m *merger) runnerUp() (int64, int) {
	const never = 1<<63 - 1
	limit, tie := int64(never), 1<<30
	for i := 1; i <= 2 && i < len(m.files); i++ {
		if f := m.files[i]; f.time < limit || f.time == limit && f.index < tie {
			limit, tie = f.time, f.index
		}
	}
	return limit, tie
}

// timeOf is a packet's time, or the last one's when it has none.
func (f *mergeFile) timeOf(i int) int64 {
	if p := &f.b.Packets[i]; !p.NoTime {
		return p.Time
	}
	return f.time
}

// cut takes the packets up to end out of f's block, the whole block where
// possible, and reads the next block when it is used up.
func (f *mergeFile) cut(end int) *Block {
	whole := f.b
	if f.next == 0 && end == len(whole.Packets) {
		f.advance()
		return whole
	}
	part := whole.part(f.next, end)
	f.next = end
	if end == len(whole.Packets) {
		whole.Release()
		f.advance()
	}
	return part
}

func (f *mergeFile) advance() {
	f.b, f.err = f.r.NextBlock()
	f.next = 0
}

// close gives back what is left when the consumer does not want more.
func (m *merger) close() {
	for _, f := range m.files {
		if f.b != nil {
			f.b.Release()
		}
		if f.r != nil {
			f.r.Close()
		}
	}
}

// mergeHeap orders files by time, then by their place in the list.
type mergeHeap []*mergeFile

func (h mergeHeap) Len() int { return len(h) }
func (h mergeHeap) Less(i, j int) bool {
	return h[i].time < h[j].time || h[i].time == h[j].time && h[i].index < h[j].index
}
func (h mergeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *mergeHeap) Push(x any)   { *h = append(*h, x.(*mergeFile)) }
func (h *mergeHeap) Pop() any {
	old := *h
	f := old[len(old)-1]
	*h = old[:len(old)-1]
	return f
}
