// Package onnx writes models in the Open Neural Network Exchange format, a
// protocol buffer. It knows the few messages and types that a perceptron with
// its scaling needs, and the operators not at all: a node is a name with
// inputs, outputs and attributes, as the operators' reference has them.
//
// Source: https://github.com/onnx/onnx/blob/v1.16.0/onnx/onnx.proto
package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The version of the format and of its operators that is written.
const (
	irVersion = 8
	opset     = 17
)

// Type is the type of a tensor's elements, by the format's number.
type Type int32

// The types.
const (
	Float  Type = 1
	Int64  Type = 7
	Bool   Type = 9
	Double Type = 11
)

// Graph collects nodes, constants, inputs and outputs.
type Graph struct {
	name                              string
	nodes, constants, inputs, outputs [][]byte
	fresh                             int
}

// New begins a graph.
func New(name string) *Graph { return &Graph{name: name} }

// Input declares an input whose first dimension is the rows. Names that have
// no number, such as "rows", stand for a dimension known at run time.
func (g *Graph) Input(name string, t Type, shape ...any) string {
	g.inputs = append(g.inputs, valueInfo(name, t, shape))
	return name
}

// Output declares that the value name is an output.
func (g *Graph) Output(name string, t Type, shape ...any) {
	g.outputs = append(g.outputs, valueInfo(name, t, shape))
}

// Floats stores a constant and gives its name.
func (g *Graph) Floats(v []float32, shape ...int) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return g.constant(Float, raw, shape)
}

// Ints stores a constant and gives its name.
func (g *Graph) Ints(v []int64, shape ...int) string {
	raw := make([]byte, 0, 8*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	return g.constant(Int64, raw, shape)
}

func (g *Graph) constant(t Type, raw []byte, shape []int) string {
	name := g.next("constant")
	var b []byte
	for _, d := range shape {
		b = appendInt(b, 1, int64(d))
	}
	b = appendInt(b, 2, int64(t))
	b = appendText(b, 8, name)
	b = appendBytes(b, 9, raw)
	g.constants = append(g.constants, b)
	return name
}

func (g *Graph) next(prefix string) string {
	g.fresh++
	return fmt.Sprintf("%s_%d", prefix, g.fresh)
}

// Attribute is a number that an operator takes besides its inputs.
type Attribute struct {
	name string
	body []byte
}

// Int is an attribute.
func Int(name string, v int64) Attribute {
	return Attribute{name, appendInt(appendInt(nil, 3, v), 20, 2)}
}

// Real is an attribute.
func Real(name string, v float32) Attribute {
	b := protowire.AppendTag(nil, 2, protowire.Fixed32Type)
	return Attribute{name, appendInt(protowire.AppendFixed32(b, math.Float32bits(v)), 20, 1)}
}

// Node adds an operator with one output and gives that output's name.
func (g *Graph) Node(op string, inputs []string, attributes ...Attribute) string {
	out := g.next("value")
	g.NodeTo(out, op, inputs, attributes...)
	return out
}

// NodeTo is Node with the name of the output given.
func (g *Graph) NodeTo(out, op string, inputs []string, attributes ...Attribute) {
	var b []byte
	for _, in := range inputs {
		b = appendText(b, 1, in)
	}
	b = appendText(b, 2, out)
	b = appendText(b, 3, op+"_"+out)
	b = appendText(b, 4, op)
	for _, a := range attributes {
		b = appendBytes(b, 5, append(appendText(nil, 1, a.name), a.body...))
	}
	g.nodes = append(g.nodes, b)
}

// Model gives the bytes of the file. metadata is pairs of key and value, in
// their order.
func (g *Graph) Model(producer, version string, metadata [][2]string) []byte {
	var graph []byte
	for _, n := range g.nodes {
		graph = appendBytes(graph, 1, n)
	}
	graph = appendText(graph, 2, g.name)
	for _, c := range g.constants {
		graph = appendBytes(graph, 5, c)
	}
	for _, in := range g.inputs {
		graph = appendBytes(graph, 11, in)
	}
	for _, out := range g.outputs {
		graph = appendBytes(graph, 12, out)
	}
	b := appendInt(nil, 1, irVersion)
	b = appendText(b, 2, producer)
	b = appendText(b, 3, version)
	b = appendBytes(b, 7, graph)
	b = appendBytes(b, 8, appendInt(appendText(nil, 1, ""), 2, opset))
	for _, kv := range metadata {
		b = appendBytes(b, 14, appendText(appendText(nil, 1, kv[0]), 2, kv[1]))
	}
	return b
}

func valueInfo(name string, t Type, shape []any) []byte {
	var dims []byte
	for _, d := range shape {
		switch d := d.(type) {
		case int:
			dims = appendBytes(dims, 1, appendInt(nil, 1, int64(d)))
		case string:
			dims = appendBytes(dims, 1, appendText(nil, 2, d))
		default:
			panic(fmt.Sprintf("onnx: a dimension %v", d)) // the caller's mistake
		}
	}
	tensor := appendBytes(appendInt(nil, 1, int64(t)), 2, dims)
	return appendBytes(appendText(nil, 1, name), 2, appendBytes(nil, 1, tensor))
}

func appendInt(b []byte, field protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}
