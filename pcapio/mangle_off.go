//go:build !race && !mangle

package pcapio

// mangleBuild overwrites borrowed bytes when they are given back.
const mangleBuild = false
