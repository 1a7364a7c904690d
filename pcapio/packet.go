package pcapio

import "fmt"

// Packet is one captured packet. It knows no protocol.
type Packet struct {
	Data      []byte    // captured bytes, borrowed: valid until the block they came in is released
	Time      int64     // nanoseconds since 1970-01-01T00:00:00Z
	WireLen   uint32    // bytes on the wire, ≥ len(Data) in an honest file
	Interface int32     // index into File.Interfaces
	LinkType  LinkType  // of that interface
	Direction Direction // where the file says
	NoTime    bool      // a pcapng simple packet: Time is 0 because nobody knows
	Number    int64     // 1 for a file's first packet, as Wireshark's frame.number
	Offset    int64     // of the packet's record or block in the uncompressed file
	Comment   string    // pcapng opt_comment, "" where there is none
}

// Direction is the way a packet went past the capturing interface, from the
// flags of a pcapng packet block.
type Direction uint8

// The directions of pcapng's epb_flags, bits 0 and 1.
const (
	Unknown  Direction = 0
	Inbound  Direction = 1
	Outbound Direction = 2
)

// FormatError says where a capture stops making sense. What came before it
// has been delivered.
type FormatError struct {
	File   string // as it was given to Open
	Index  int64  // number of the packet that could not be read, from 1; 0 before the first
	Offset int64  // byte offset in the uncompressed file at which it begins
	Err    error  // what is wrong
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: packet %d at byte %d: %v", e.File, e.Index, e.Offset, e.Err)
}

func (e *FormatError) Unwrap() error { return e.Err }
