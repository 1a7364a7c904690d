package pcapio

import (
	"sync"
	"sync/atomic"
)

// memory is what packets alias: an arena, or a mapped file. It is given back
// when the last of its holders lets go.
type memory struct {
	data []byte // an arena's whole length, a file's mapping
	refs atomic.Int32
	free func(*memory)
}

func newMemory(data []byte, free func(*memory)) *memory {
	m := &memory{data: data, free: free}
	m.refs.Store(1)
	return m
}

func (m *memory) retain() { m.refs.Add(1) }

func (m *memory) release() {
	if m.refs.Add(-1) == 0 {
		m.free(m)
	}
}

// shared says whether anybody but the caller holds m.
func (m *memory) shared() bool { return m.refs.Load() > 1 }

// pool keeps arenas and blocks for use again. The readers of one Stream share
// one, so that many small files do not allocate anew each.
type pool struct {
	arenas sync.Pool // *memory of size bytes
	blocks sync.Pool // *Block
	size   int       // of an arena, in bytes
	mangle bool
}

// arenaSize is a compromise: a block in several arenas costs nothing, small
// ones stay in the processor's cache, a small compressed file needs but one.
const arenaSize = 512 << 10

func newPool(opt Options) *pool {
	return &pool{size: min(opt.BlockBytes, arenaSize), mangle: opt.mangle}
}

// arena gives a memory of n bytes at least, held once.
func (p *pool) arena(n int) *memory {
	if n > p.size {
		return newMemory(make([]byte, n), p.freeArena)
	}
	if m, ok := p.arenas.Get().(*memory); ok {
		m.refs.Store(1)
		return m
	}
	return newMemory(make([]byte, p.size), p.freeArena)
}

// freeArena drops arenas that were made for one large packet.
func (p *pool) freeArena(m *memory) {
	if p.mangle {
		overwrite(m.data)
	}
	if len(m.data) == p.size {
		p.arenas.Put(m)
	}
}

func (p *pool) block() *Block {
	if b, ok := p.blocks.Get().(*Block); ok {
		return b
	}
	return &Block{pool: p}
}

// overwrite makes borrowed bytes that somebody kept visible.
func overwrite(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = 0xCC
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

func overwriteIf(mangle bool, b []byte) {
	if mangle {
		overwrite(b)
	}
}
