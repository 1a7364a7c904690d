package pcapio

import (
	"net/netip"
	"slices"
)

// File is what is known of a capture, apart from its packets. It is a
// snapshot: nobody changes it after it was handed out.
type File struct {
	Path        string      `json:"path"`                  // as it was given to Open
	Format      string      `json:"format"`                // "pcap" or "pcapng"; "" before the header was understood
	Version     string      `json:"version,omitempty"`     // "2.4", "1.0"; of the first section
	Compression []string    `json:"compression,omitempty"` // outermost first
	ByteOrder   string      `json:"byte_order,omitempty"`  // "little", "big", or "mixed" over the sections
	Size        int64       `json:"size"`                  // bytes as it lies on disk; -1 where unknown, as of a pipe
	Packets     int64       `json:"packets"`               // read so far
	Interfaces  []Interface `json:"interfaces"`            // of all sections, one behind another; pcap has one
	Sections    []Section   `json:"sections,omitempty"`    // pcapng only
	Comments    []string    `json:"comments,omitempty"`    // of all blocks but packets', in order; see CommentsCut
	CommentsCut int64       `json:"comments_cut,omitempty"`
	Names       []Name      `json:"names,omitempty"` // of name resolution blocks; see NamesCut
	NamesCut    int64       `json:"names_cut,omitempty"`
	Blocks      BlockCounts `json:"blocks,omitzero"`           // pcapng only
	Dropped     int64       `json:"dropped,omitempty"`         // lost while capturing, over all interfaces
	BadTimes    int64       `json:"bad_times,omitempty"`       // packets whose time does not fit nanoseconds in 64 bits
	PacketNotes int64       `json:"packet_comments,omitempty"` // packets with a comment
	Truncated   bool        `json:"truncated,omitempty"`       // ends inside a record or block
}

// Section is a pcapng section header.
type Section struct {
	Offset      int64  `json:"offset"` // in the uncompressed data
	ByteOrder   string `json:"byte_order"`
	Hardware    string `json:"hardware,omitempty"`
	OS          string `json:"os,omitempty"`
	Application string `json:"application,omitempty"`
	Interfaces  int    `json:"interfaces"`
}

// Interface is where packets were captured.
type Interface struct {
	Name           string          `json:"name,omitempty"`
	Description    string          `json:"description,omitempty"`
	LinkType       LinkType        `json:"linktype"`
	SnapLen        uint32          `json:"snaplen"` // 0: none, or not known
	TicksPerSecond uint64          `json:"ticks_per_second"`
	TimeOffset     int64           `json:"time_offset,omitempty"` // seconds, already added to Packet.Time
	Filter         string          `json:"filter,omitempty"`
	OS             string          `json:"os,omitempty"`
	Hardware       string          `json:"hardware,omitempty"`
	MAC            string          `json:"mac,omitempty"` // colon-separated
	Addrs          []netip.Prefix  `json:"addresses,omitempty"`
	Speed          uint64          `json:"speed,omitempty"`      // bits a second
	FCSLen         int             `json:"fcs_length,omitempty"` // as the file says: bytes of each packet's frame check sequence
	Stats          *InterfaceStats `json:"stats,omitempty"`      // nil: the file has none
	Lost           int64           `json:"lost,omitempty"`       // sum of the drop counts in packet blocks
}

// InterfaceStats is what the last interface statistics block says; a pointer
// is nil where it says nothing.
type InterfaceStats struct {
	Blocks         int    `json:"blocks"`                    // statistics blocks of this interface
	Time           int64  `json:"time"`                      // ns since 1970, of the block
	Start          int64  `json:"start,omitempty"`           // ns since 1970; 0: not said
	End            int64  `json:"end,omitempty"`             // ns since 1970; 0: not said
	Received       *int64 `json:"received,omitempty"`        // packets
	Dropped        *int64 `json:"dropped,omitempty"`         // by the interface, for lack of resources
	FilterAccepted *int64 `json:"filter_accepted,omitempty"` // packets
	DroppedByOS    *int64 `json:"dropped_by_os,omitempty"`   // packets
	Delivered      *int64 `json:"delivered,omitempty"`       // to the user
}

// Name is one record of a name resolution block.
type Name struct {
	Addr  netip.Addr `json:"address"`
	Names []string   `json:"names"`
}

// BlockCounts counts the blocks of a pcapng file by type.
type BlockCounts struct {
	Section      int64 `json:"section"`
	Interface    int64 `json:"interface"`
	Enhanced     int64 `json:"enhanced_packet"`
	Simple       int64 `json:"simple_packet"`
	Packet       int64 `json:"packet"` // the obsolete block
	Names        int64 `json:"name_resolution"`
	Statistics   int64 `json:"interface_statistics"`
	Secrets      int64 `json:"decryption_secrets"`
	Custom       int64 `json:"custom"`            // which may be copied by whoever does not know them
	CustomNoCopy int64 `json:"custom_not_copied"` // which must not
	Unknown      int64 `json:"unknown"`
}

// Bounds on what a File keeps, so that a file made of metadata does not fill
// the memory. What is beyond them is counted (CommentsCut, NamesCut); more
// interfaces or text about them are an error, because packets would not be
// understood without.
const (
	maxInterfaces   = 1 << 16
	maxSections     = 1 << 12
	maxNames        = 1 << 13
	maxNameBytes    = 1 << 20
	maxCommentBytes = 1 << 20
	maxTextBytes    = 1 << 24
)

// snapshot copies f for others to keep.
func (f *File) snapshot() *File {
	c := *f
	c.Compression = slices.Clone(f.Compression)
	c.Interfaces = slices.Clone(f.Interfaces) // Stats are replaced, not changed
	c.Sections = slices.Clone(f.Sections)
	c.Comments = slices.Clip(f.Comments) // only ever appended to
	c.Names = slices.Clip(f.Names)
	c.Dropped = f.dropped()
	return &c
}

// dropped sums what the file says was lost while capturing: the statistics
// where there are any, else the drop counts in packets.
func (f *File) dropped() int64 {
	var sum int64
	for i := range f.Interfaces {
		s := f.Interfaces[i].Stats
		if s == nil || s.Dropped == nil && s.DroppedByOS == nil {
			sum += f.Interfaces[i].Lost
			continue
		}
		for _, n := range []*int64{s.Dropped, s.DroppedByOS} {
			if n != nil {
				sum += *n
			}
		}
	}
	return sum
}
