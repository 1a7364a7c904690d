package pcapio

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/pcapgo"
)

// The benchmarks read the same file by every way there is, gopacket's pcapgo
// among them. A packet has 60 to 1500 bytes, 540 on average.
const benchPackets = 100_000

func benchSizes(i int) int { return []int{60, 60, 60, 1500, 66, 1500, 74, 1000}[i%8] }

func benchPcap() []byte {
	b := pcapHeader(lowFirst, magicMicro, 65535, 1)
	for i := range benchPackets {
		n := benchSizes(i)
		b = append(b, pcapRecord(lowFirst, uint32(i), 0, uint32(n), payload(i, n))...)
	}
	return b
}

func benchPcapng() []byte {
	g := ng{lowFirst}
	var w bytes.Buffer
	w.Write(g.section())
	w.Write(g.iface(1, 0))
	for i := range benchPackets {
		w.Write(g.enhanced(0, uint64(i), payload(i, benchSizes(i))))
	}
	return w.Bytes()
}

func BenchmarkReadPcap(b *testing.B) {
	data := benchPcap()
	path := writeFile(b, "x.pcap", data)
	benchOurs(b, path, len(data), pack(b, data, packZstd))
	bench(b, "pcapgo", len(data), func() int {
		return pcapgoRead(b, path, func(r io.Reader) (zeroCopy, error) { return pcapgo.NewReader(r) })
	})
}

func BenchmarkReadPcapng(b *testing.B) {
	data := benchPcapng()
	path := writeFile(b, "x.pcapng", data)
	benchOurs(b, path, len(data), pack(b, data, packZstd))
	bench(b, "pcapgo", len(data), func() int {
		return pcapgoRead(b, path, func(r io.Reader) (zeroCopy, error) { return pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions) })
	})
}

type zeroCopy interface {
	ZeroCopyReadPacketData() ([]byte, gopacket.CaptureInfo, error)
}

// pcapgoRead reads as its documentation advises for speed: buffered, without copies.
func pcapgoRead(b *testing.B, path string, open func(io.Reader) (zeroCopy, error)) int {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	r, err := open(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; ; n++ {
		if _, _, err := r.ZeroCopyReadPacketData(); err == io.EOF {
			return n
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

func bench(b *testing.B, name string, size int, read func() int) {
	b.Run(name, func(b *testing.B) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		for b.Loop() {
			if n := read(); n != benchPackets {
				b.Fatalf("%d packets", n)
			}
		}
		b.ReportMetric(float64(benchPackets)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpackets/s")
	})
}

func benchOurs(b *testing.B, path string, size int, zst []byte) {
	blocks := func(path string, opt Options) func() int {
		return func() int {
			r, err := Open(path, opt)
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			n := 0
			for {
				block, err := r.NextBlock()
				if err == io.EOF {
					return n
				} else if err != nil {
					b.Fatal(err)
				}
				n += len(block.Packets)
				block.Release()
			}
		}
	}
	bench(b, "blocks-mapped", size, blocks(path, Options{}))
	bench(b, "blocks-read", size, blocks(path, Options{NoMap: true}))
	bench(b, "blocks-zstd", size, blocks(writeFile(b, "x.zst", zst), Options{}))
	bench(b, "next-mapped", size, func() int {
		r, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		var p Packet
		n := 0
		for {
			err := r.Next(&p)
			if err == io.EOF {
				return n
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
	})
}
