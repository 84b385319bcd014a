import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";

/** Debian's; another by its path in CHROMIUM. */
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Whether there is a browser to test in. */
export const hasBrowser = existsSync(executablePath);

/** A browser with pages of files, and what they complained of. */
export interface TestBrowser {
  open(html: string, options: OpenOptions): Promise<OpenPage>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly width: number;
  readonly scheme?: "light" | "dark";
}

export interface OpenPage {
  readonly page: Page;
  /** Errors of scripts and of the console. */
  readonly complaints: readonly string[];
}

export async function openBrowser(): Promise<TestBrowser> {
  const browser: Browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const folder = mkdtempSync(join(tmpdir(), "moeplace-page-"));
  let numPages = 0;
  return {
    async open(html, { width, scheme = "light" }) {
      const file = join(folder, `${numPages++}.html`);
      writeFileSync(file, html);
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
      const complaints: string[] = [];
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(message.text());
      });
      page.on("pageerror", ({ message }) => complaints.push(message));
      page.on("request", (request) => {
        if (!/^(file|data|blob):/.test(request.url())) complaints.push(`asks for ${request.url()}`);
      });
      await page.goto(pathToFileURL(file).href);
      return { page, complaints };
    },
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true });
    },
  };
}
