package sink

import (
	"fmt"
	"slices"
	"strings"
)

// Formats lists the formats that tables are written in, the default first.
var Formats = []Format{
	{
		Name: "parquet", Extensions: []string{".parquet", ".pq"},
		Doc:          "Apache Parquet, zstd-compressed, with page index and schema metadata",
		Compressions: parquetCompressions,
		New:          newParquet,
	},
	{
		Name: "csv", Extensions: []string{".csv"},
		Doc:          "comma-separated values with a header line; null is an empty cell",
		Text:         true,
		Compressions: textCompressions,
		New:          newCSV,
	},
	{
		Name: "arrow", Extensions: []string{".arrow", ".feather"},
		Doc:          "Apache Arrow IPC file, which is Feather version 2, with schema metadata",
		Compressions: arrowCompressions,
		New:          newArrowFile,
	},
	{
		Name: "arrow-stream", Extensions: []string{".arrows"},
		Doc:          "Apache Arrow IPC stream, for pipes; without the metadata that is known last",
		Compressions: arrowCompressions,
		New:          newArrowStream,
	},
	{
		Name: "jsonl", Extensions: []string{".jsonl", ".ndjson"},
		Doc:          "a JSON object a row, with an object for each layer that the row has; null is left out",
		Text:         true,
		Compressions: textCompressions,
		New:          newJSONL,
	},
	{
		Name: "nprint", Extensions: []string{".npt", ".nprint"},
		Doc:          "nPrint: the bits of a packets table's headers, -1 for a bit that is not there",
		Text:         true,
		Derived:      true,
		Compressions: textCompressions,
		New:          newNPrint,
	},
	{
		Name: "zeek", Extensions: []string{".log"},
		Doc:          "tab-separated values with a header as Zeek's logs have it; null is -",
		Text:         true,
		Derived:      true,
		Compressions: textCompressions,
		New:          newZeek,
	},
}

// ByName returns the format of that name.
func ByName(name string) (Format, error) {
	for _, f := range Formats {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("unknown format %q; known: %s", name, known())
}

// ForFile returns the format that the file name's ending chooses. Behind the
// ending of a format of lines .gz or .zst may follow.
func ForFile(path string) (Format, error) {
	name, compression := cutCompression(path)
	for _, f := range Formats {
		if compression != "" && !f.Text {
			continue
		}
		for _, ext := range f.Extensions {
			if strings.HasSuffix(strings.ToLower(name), ext) {
				return f, nil
			}
		}
	}
	return Format{}, fmt.Errorf("%s: the ending names no format; known: %s", path, known())
}

// compressionFor brings the compression asked for and the one that the file's
// ending says together: of a format of lines they are one.
func (f Format) compressionFor(path, asked string) (string, error) {
	_, ending := cutCompression(path)
	codec := codecOf(asked)
	switch {
	case !f.Text || asked == "" && ending == "" || asked != "" && !slices.Contains(f.Compressions, asked):
		return asked, nil // New refuses what it does not know
	case asked == "":
		return ending, nil
	case codec == ending || codec == uncompressed && ending == "":
		return asked, nil
	case ending == "":
		return "", fmt.Errorf("the name of a file compressed by %s ends in %s", codec, endingOf(codec))
	}
	return "", fmt.Errorf("the ending says %s, and not %s", ending, asked)
}

func known() string {
	var b strings.Builder
	for i, f := range Formats {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s (%s)", f.Name, strings.Join(f.Extensions, ", "))
	}
	return b.String()
}
