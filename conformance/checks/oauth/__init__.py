"""OAuth 2.0: codes, redirect URIs, PKCE, clients and the endpoints behind them."""
