import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { WaybillError } from '@waybill/kernel';
import { Public } from './caller.js';
import { STATUS, titleOf } from './problem.js';
import { problemTypes } from './problem-types.js';

/** `/problems/<slug>`: what the `type` of a problem document points at. */
@ApiExcludeController()
@Controller('problems')
@Public()
export class ProblemsController {
  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  list(): string {
    const items = Object.keys(problemTypes)
      .sort()
      .map((slug) => `<li><a href="/problems/${slug}">${slug}</a></li>`);
    return page('Problems', `<ul>${items.join('')}</ul>`);
  }

  @Get(':slug')
  @Header('content-type', 'text/html; charset=utf-8')
  explain(@Param('slug') slug: string): string {
    const known = Object.hasOwn(problemTypes, slug) ? problemTypes[slug] : undefined;
    if (!known)
      throw new WaybillError(
        'problem-unknown',
        'not-found',
        'There is no problem of that name. The list is at /problems.',
      );
    const [kind, meaning] = known;
    return page(
      titleOf(slug),
      `<p>${meaning}</p><p>HTTP status ${STATUS[kind]}, type <code>/problems/${slug}</code>.</p>`,
    );
  }
}

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title} · Waybill</title><style>body{font:16px/1.5 system-ui;max-width:42rem;margin:3rem auto;padding:0 1rem}</style>
<h1>${title}</h1>${body}</html>`;
