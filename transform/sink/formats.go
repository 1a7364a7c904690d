package sink

import (
	"fmt"
	"strings"
)

// Formats lists the formats that tables are written in, the default first.
var Formats = []Format{
	{
		Name: "parquet", Extensions: []string{".parquet", ".pq"},
		Doc: "Apache Parquet, zstd-compressed, with page index and schema metadata",
		New: newParquet,
	},
	{
		Name: "csv", Extensions: []string{".csv"},
		Doc: "comma-separated values with a header line; null is an empty cell",
		New: newCSV,
	},
	{
		Name: "zeek", Extensions: []string{".log"},
		Doc:    "tab-separated values with a header as Zeek's logs have it; null is -",
		OneWay: true, New: newZeek,
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

// ForFile returns the format that the file name's ending chooses.
func ForFile(path string) (Format, error) {
	for _, f := range Formats {
		for _, ext := range f.Extensions {
			if strings.HasSuffix(strings.ToLower(path), ext) {
				return f, nil
			}
		}
	}
	return Format{}, fmt.Errorf("%s: the ending names no format; known: %s", path, known())
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
