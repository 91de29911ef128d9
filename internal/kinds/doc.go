// Package kinds lists all kinds of document that the service stores, as their packages declare them.
package kinds
