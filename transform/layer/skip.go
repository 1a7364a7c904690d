package layer

import (
	"slices"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
)

// Skip says what need not be computed since nobody asks for it. Its columns
// are null then, and its fields of the digest zero.
type Skip struct {
	Entropy      bool // of payloads: a look at each byte
	Checksums    bool // whether they are right: likewise
	Conversation bool // Community ID and flow key
	Hash         bool // by which flows find packets captured twice
}

// SkipFor gives what need not be computed for a table that writes only the
// columns of s. What flows need is up to the caller.
func SkipFor(s schema.Schema) Skip {
	none := func(match func(f *schema.Field) bool) bool { return !slices.ContainsFunc(s, match) }
	return Skip{
		Entropy:      none(func(f *schema.Field) bool { return f.Name == "payload_entropy" }),
		Checksums:    none(func(f *schema.Field) bool { return strings.HasSuffix(f.Name, "_checksum_status") }),
		Conversation: none(func(f *schema.Field) bool { return f.Layer == "conversation" }),
		Hash:         true,
	}
}
