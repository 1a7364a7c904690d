package pcapio

// Block is a run of a file's packets, in order, for the use of any goroutine.
type Block struct {
	File    *File    // as known at the block's end
	Packets []Packet // at least one
	Bytes   int      // captured bytes in them
	Read    int64    // bytes of the file, as it lies on disk, that were read by then: for progress

	held   []*memory // what Packets' Data lies in
	mapped []byte    // the part of a mapped file that the block was read from
	pool   *pool     // where the block goes afterwards
}

// Release gives the packets' bytes back. Neither the block nor anything
// borrowed from it may be used afterwards. Every block is released once; one
// that is not costs its memory until the program ends. The pages of a mapped
// file go with its blocks: a program that reads a large one takes no more
// memory than its blocks do.
func (b *Block) Release() {
	forgetPages(b.mapped)
	for i, m := range b.held {
		m.release()
		b.held[i] = nil
	}
	clear(b.Packets) // an idle block keeps nothing alive
	p := b.pool
	*b = Block{Packets: b.Packets[:0], held: b.held[:0], pool: p}
	p.blocks.Put(b)
}

// hold keeps m until the block is released.
func (b *Block) hold(m *memory) {
	if n := len(b.held); n > 0 && b.held[n-1] == m {
		return
	}
	m.retain()
	b.held = append(b.held, m)
}

// grow makes room for more packets, fourfold, up to limit.
func (b *Block) grow(limit int) {
	more := make([]Packet, len(b.Packets), min(limit, max(64, 4*cap(b.Packets))))
	copy(more, b.Packets)
	b.Packets = more
}

// part is a block of the packets from i to j of b, which stays as it is.
func (b *Block) part(i, j int) *Block {
	c := b.pool.block()
	c.File, c.Read = b.File, b.Read
	c.Packets = append(c.Packets, b.Packets[i:j]...)
	for k := range c.Packets {
		c.Bytes += len(c.Packets[k].Data)
	}
	for _, m := range b.held {
		m.retain()
		c.held = append(c.held, m)
	}
	return c
}
