package pcapio

import "runtime"

// Options say how captures are read. The zero value of a field is its default.
type Options struct {
	BlockPackets int  // packets in a block at most; 0: 8192
	BlockBytes   int  // bytes of the file that a block takes, about; a single packet may be larger; 0: 4 MiB
	MaxPacket    int  // captured bytes of a packet; more is taken for damage; 0: 16 MiB
	MaxWindow    int  // bytes of a zstd file's window; 0: 128 MiB, as the zstd tool
	ReadAhead    int  // files that Blocks opens ahead of the consumer, its own included; 0: one a core, at least 2
	NoMap        bool // read plain files instead of mapping them: for files that others may shorten

	// Ranges are the parts of files that Blocks reads, by the files' indexes;
	// a file without one is read whole. File.Packets counts those before, too.
	Ranges map[int]Range

	// mangle makes plain files streams and overwrites what was given back.
	mangle bool
}

// aheadBlocks is how many finished blocks of one file wait for the consumer.
// With one being filled and one waiting to be sent, streams that are read
// ahead take about ReadAhead × (aheadBlocks + 2) × BlockBytes of memory, and
// what their decompressors need; blocks that the consumer has not released
// come on top. Mapped files take none.
const aheadBlocks = 2

func (o Options) withDefaults() Options {
	if o.BlockPackets <= 0 {
		o.BlockPackets = 8192
	}
	if o.BlockBytes <= 0 {
		o.BlockBytes = 4 << 20
	}
	if o.MaxPacket <= 0 {
		o.MaxPacket = 16 << 20
	}
	o.MaxPacket = min(o.MaxPacket, 1<<30) // an int has 32 bits somewhere
	if o.MaxWindow <= 0 {
		o.MaxWindow = 128 << 20
	}
	if o.ReadAhead <= 0 {
		o.ReadAhead = max(2, runtime.GOMAXPROCS(0))
	}
	if mangleBuild {
		o.mangle = true
	}
	return o
}
