// Package kinds has all kinds of document that the service stores, as the packages declare them.
package kinds
